import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SendQueue } from "../../static/core/js/send_queue.js";

describe("An outbox", () => {
  it("sends once, however often it is asked while the text is on its way", async () => {
    const { queue, delivered, arrive } = makeSendQueue();

    const sends = [queue.send("Hi"), queue.send("Hi"), queue.send("Other")];
    arrive();

    assert.deepEqual(await Promise.all(sends), [true, false, false]);
    assert.deepEqual(delivered, [["Hi", "key 1"]]);
  });

  it("tries the same text again under the same key", async () => {
    const { queue, delivered, arrive, fail } = makeSendQueue();

    const first = queue.send("Hi");
    fail();
    await assert.rejects(first, /lost/);
    const second = queue.send("Hi");
    arrive();
    await second;

    assert.deepEqual(delivered, [["Hi", "key 1"], ["Hi", "key 1"]]);
  });

  it("gives another text another key", async () => {
    const { queue, delivered, arrive, fail } = makeSendQueue();

    const first = queue.send("Hi");
    fail();
    await assert.rejects(first);
    const second = queue.send("Hi there");
    arrive();
    await second;

    assert.deepEqual(delivered.map(([, key]) => key), ["key 1", "key 2"]);
  });

  it("says the same thing twice when it is meant twice", async () => {
    const { queue, delivered, arrive } = makeSendQueue();

    for (let time = 0; time < 2; time += 1) {
      const sent = queue.send("Hi");
      arrive();
      await sent;
    }

    assert.deepEqual(delivered.map(([, key]) => key), ["key 1", "key 2"]);
  });
});

function makeSendQueue() {
  const delivered = [];
  let end;
  let keys = 0;
  const queue = new SendQueue(
    (text, key) => {
      delivered.push([text, key]);
      return new Promise((resolve, reject) => {
        end = { resolve, reject };
      });
    },
    () => `key ${(keys += 1)}`,
  );
  return { queue, delivered, arrive: () => end.resolve(), fail: () => end.reject(new Error("lost")) };
}
