import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Outbox } from "../../static/core/js/outbox.js";

describe("An outbox", () => {
  it("sends once, however often it is asked while the text is on its way", async () => {
    const { outbox, delivered, arrive } = makeOutbox();

    const sends = [outbox.send("Hi"), outbox.send("Hi"), outbox.send("Other")];
    arrive();

    assert.deepEqual(await Promise.all(sends), [true, false, false]);
    assert.deepEqual(delivered, [["Hi", "key 1"]]);
  });

  it("tries the same text again under the same key", async () => {
    const { outbox, delivered, arrive, fail } = makeOutbox();

    const first = outbox.send("Hi");
    fail();
    await assert.rejects(first, /lost/);
    const second = outbox.send("Hi");
    arrive();
    await second;

    assert.deepEqual(delivered, [["Hi", "key 1"], ["Hi", "key 1"]]);
  });

  it("gives another text another key", async () => {
    const { outbox, delivered, arrive, fail } = makeOutbox();

    const first = outbox.send("Hi");
    fail();
    await assert.rejects(first);
    const second = outbox.send("Hi there");
    arrive();
    await second;

    assert.deepEqual(delivered.map(([, key]) => key), ["key 1", "key 2"]);
  });

  it("says the same thing twice when it is meant twice", async () => {
    const { outbox, delivered, arrive } = makeOutbox();

    for (let time = 0; time < 2; time += 1) {
      const sent = outbox.send("Hi");
      arrive();
      await sent;
    }

    assert.deepEqual(delivered.map(([, key]) => key), ["key 1", "key 2"]);
  });
});

function makeOutbox() {
  const delivered = [];
  let end;
  let keys = 0;
  const outbox = new Outbox(
    (text, key) => {
      delivered.push([text, key]);
      return new Promise((resolve, reject) => {
        end = { resolve, reject };
      });
    },
    () => `key ${(keys += 1)}`,
  );
  return { outbox, delivered, arrive: () => end.resolve(), fail: () => end.reject(new Error("lost")) };
}
