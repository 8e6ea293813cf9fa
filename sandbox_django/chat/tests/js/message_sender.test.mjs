import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { StoredText } from "../../../core/static/core/js/stored_text.js";
import { MessageSender } from "../../static/chat/js/message_sender.js";
import { UnsentStore } from "../../static/chat/js/unsent_store.js";

class Store {
  #items = new Map();

  getItem(name) {
    return this.#items.get(name) ?? null;
  }

  setItem(name, value) {
    this.#items.set(name, value);
  }

  removeItem(name) {
    this.#items.delete(name);
  }
}

// A page that sends; `answers` are the results of its attempts, in order.
function aPage(store, ...answers) {
  return aPageAt(0, store, ...answers);
}

function aPageAt(hour, store, ...answers) {
  const calls = [];
  const sent = [];
  let number = 0;
  const unsent = new UnsentStore(new StoredText("unsent", () => store));
  const deliver = async (content, key) => {
    sent.push([content, key]);
    const answer = await answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? content.toUpperCase();
  };
  const callbacks = {
    started: ({ content, problem }) => calls.push(`began ${content}${problem ? `: ${problem}` : ""}`),
    arrived: (key, message) => calls.push(`arrived ${message}`),
    failed: (key, error) => {
      calls.push(`failed ${error.message}`);
      return error.message;
    },
  };
  const sender = new MessageSender(deliver, unsent, callbacks, { makeKey: () => `key ${(number += 1)}`, now: () => new Date(hour * 3600_000) });
  return { sender, unsent, calls, sent };
}

const soon = () => new Promise((resolve) => setTimeout(resolve));

describe("A sender", () => {
  it("shows at once, and sends one after the other", async () => {
    const page = aPage(new Store());

    page.sender.send("one");
    page.sender.send("two");
    assert.deepEqual(page.calls, ["began one", "began two"]);
    assert.equal(page.sent.length, 1);
    await soon();

    assert.deepEqual(page.calls.slice(2), ["arrived ONE", "arrived TWO"]);
    assert.deepEqual(page.unsent.all(), []);
  });

  it("tries again under the same key", async () => {
    const page = aPage(new Store(), new Error("lost"));
    page.sender.send("one");
    await soon();

    page.sender.retry("key 1");
    await soon();

    assert.deepEqual(page.sent, [
      ["one", "key 1"],
      ["one", "key 1"],
    ]);
    assert.deepEqual(page.calls, ["began one", "failed lost", "arrived ONE"]);
  });

  it("does not try twice at once", async () => {
    const page = aPage(new Store(), new Error("lost"));
    page.sender.send("one");
    await soon();

    page.sender.retry("key 1");
    page.sender.retry("key 1");
    await soon();

    assert.equal(page.sent.length, 2);
  });

  it("goes on after a reload with what was on its way, and leaves what had failed to a decision", async () => {
    const store = new Store();
    const left = aPage(store, new Error("No."), new Promise(() => {}));
    left.sender.send("failed");
    left.sender.send("on its way");
    await soon();
    const page = aPage(store);

    page.sender.resume();
    await soon();

    assert.deepEqual(page.calls, ["began failed: No.", "began on its way", "arrived ON ITS WAY"]);
    assert.deepEqual(page.sent, [["on its way", "key 2"]]);
    assert.deepEqual(
      page.unsent.all().map(({ content }) => content),
      ["failed"],
    );
  });

  it("sends nothing by itself that is so old that the server may have forgotten it", async () => {
    const store = new Store();
    aPage(store, new Promise(() => {})).sender.send("on its way");
    const page = aPageAt(13, store);

    page.sender.resume();
    await soon();
    assert.deepEqual(page.calls, ["began on its way: This was not sent."]);
    page.sender.retry("key 1");
    await soon();

    assert.deepEqual(page.sent, [["on its way", "key 1"]]);
  });

  it("forgets what is discarded", async () => {
    const store = new Store();
    const page = aPage(store, new Error("No."));
    page.sender.send("one");
    await soon();

    page.sender.discard("key 1");
    page.sender.retry("key 1");
    await soon();

    assert.equal(page.sent.length, 1);
    assert.deepEqual(page.unsent.all(), []);
  });

  it("sends all the same where nothing may be kept, and can try again", async () => {
    const forbidden = {
      getItem() {
        throw new Error("forbidden");
      },
      setItem() {
        throw new Error("forbidden");
      },
    };
    const page = aPage(forbidden, new Error("lost"));
    page.sender.send("one");
    await soon();

    page.sender.retry("key 1");
    await soon();

    assert.deepEqual(page.calls, ["began one", "failed lost", "arrived ONE"]);
  });
});
