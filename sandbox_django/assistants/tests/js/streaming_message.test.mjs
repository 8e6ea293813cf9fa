import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { StreamingMessage } from "../../static/assistants/js/streaming_message.js";

describe("A streaming message", () => {
  it("puts pieces one after the other", () => {
    const { message, body } = begun();

    message.append({ offset: 0, content: "Hello" });
    message.append({ offset: 5, content: ", you" });

    assert.equal(body.textContent, "Hello, you");
    assert.equal(message.length, 10);
  });

  it("drops what it has", () => {
    const { message, body } = begun();

    assert.equal(message.append({ offset: 0, content: "Hello" }), true);
    assert.equal(message.append({ offset: 0, content: "Hello" }), false);
    assert.equal(message.append({ offset: 1, content: "el" }), false);

    assert.equal(body.textContent, "Hello");
    assert.equal(message.length, 5);
  });

  it("takes only what is new of a piece that overlaps", () => {
    const { message, body } = begun("Hel");

    message.append({ offset: 0, content: "Hello" });
    message.append({ offset: 3, content: "lo, you" });

    assert.equal(body.textContent, "Hello, you");
  });

  it("leaves no holes", () => {
    const { message, body } = begun("Hello");

    assert.equal(message.append({ offset: 9, content: "later" }), false);

    assert.equal(body.textContent, "Hello");
    assert.equal(message.length, 5);
  });

  it("counts characters, not what JavaScript makes of them", () => {
    const { message, body } = begun("🎉 ");

    message.append({ offset: 2, content: "👩‍🚀!" });
    message.append({ offset: 0, content: "🎉 👩‍🚀!?" });

    assert.equal(body.textContent, "🎉 👩‍🚀!?");
    assert.equal(message.length, 7);
  });

  it("goes on from the length the server counted", () => {
    const { message, body } = begun("one\ntwo", { length: "8" }); // was "one\r\ntwo"

    message.append({ offset: 0, content: "one\r\ntwo three" });

    assert.equal(body.textContent, "one\ntwo three");
  });

  it("says nothing for an empty piece", () => {
    const { message } = begun();

    assert.equal(message.append({ offset: 0, content: "" }), false);
  });
});

describe("Finished blocks of a streaming message", () => {
  it("take the place of their text", () => {
    const { message, body } = begun();
    message.append({ offset: 0, content: "🎉 One\n\n" });
    message.append({ offset: 7, content: "Two" });

    assert.equal(message.draw({ offset: 0, length: 7 }, ["<p>"]), true);

    assert.deepEqual(body.drawn, ["<p>"]);
    assert.equal(body.textContent, "Two");
    assert.equal(message.length, 10);
  });

  it("leave the text that goes on as it is", () => {
    const { message, body } = begun();
    message.append({ offset: 0, content: "One\n\nTw" });
    message.append({ offset: 7, content: "o" });
    const last = body.texts[1];

    message.draw({ offset: 0, length: 5 }, ["<p>"]);
    message.append({ offset: 8, content: "!" });

    assert.equal(body.texts[1], last);
    assert.equal(body.textContent, "Two!");
  });

  it("are not drawn twice, nor before their text is there", () => {
    const { message, body } = begun("One\n\nTwo");
    message.draw({ offset: 0, length: 5 }, ["<p>"]);

    assert.equal(message.draw({ offset: 0, length: 5 }, ["<p>"]), false);
    assert.equal(message.draw({ offset: 5, length: 20 }, ["<p>"]), false);

    assert.deepEqual(body.drawn, ["<p>"]);
    assert.equal(body.textContent, "Two");
  });
});

describe("Blocks whose text is selected", () => {
  // A selection of the tail from character `start`; none without a start.
  function select(start) {
    globalThis.getSelection = () => ({
      isCollapsed: start === undefined,
      containsNode: () => true,
      getRangeAt: () => ({ startContainer: "a text node", startOffset: start }),
    });
    globalThis.document = { createRange: () => ({ setStart() {}, setEnd() {}, toString: () => "x".repeat(start) }) };
  }

  afterEach(() => {
    delete globalThis.getSelection;
    delete globalThis.document;
  });

  it("wait until it isn't, and lose none of what came in between", () => {
    const { message, body } = begun("One\n\nTwo\n\nThree");

    select(2);
    message.draw({ offset: 0, length: 5 }, ["<p>One"]);
    message.draw({ offset: 5, length: 10 }, ["<p>Two"]);
    assert.deepEqual(body.drawn, []);
    assert.equal(body.textContent, "One\n\nTwo\n\nThree");

    select(undefined);
    assert.equal(message.release(), true);
    assert.deepEqual(body.drawn, ["<p>One", "<p>Two"]);
    assert.equal(body.textContent, "Three");
    assert.equal(message.release(), false);
  });

  it("are drawn when only text behind them is selected", () => {
    const { message, body } = begun("One\n\nTwo");

    select(6);
    message.draw({ offset: 0, length: 5 }, ["<p>One"]);

    assert.deepEqual(body.drawn, ["<p>One"]);
  });

  it("are held once, however often they come", () => {
    const { message, body } = begun("One\n\nTwo");

    select(0);
    message.draw({ offset: 0, length: 5 }, ["<p>One"]);
    message.draw({ offset: 0, length: 5 }, ["<p>One"]);
    select(undefined);
    message.release();

    assert.deepEqual(body.drawn, ["<p>One"]);
  });
});

// A fake element with the text nodes that a message needs; it is its own body and tail.
function begun(text = "", dataset = {}) {
  const body = {
    dataset,
    contains: () => true,
    texts: [],
    drawn: [],
    get textContent() {
      return this.texts.map(({ data }) => data).join("");
    },
    get firstChild() {
      return this.texts[0];
    },
    append(data) {
      const node = {
        data,
        deleteData: (start, count) => (node.data = node.data.slice(start + count)),
        remove: () => this.texts.splice(this.texts.indexOf(node), 1),
      };
      this.texts.push(node);
    },
    before(...nodes) {
      this.drawn.push(...nodes);
    },
  };
  if (text) body.append(text);
  return { message: new StreamingMessage({ querySelector: () => body }), body };
}
