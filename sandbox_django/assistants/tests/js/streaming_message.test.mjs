import assert from "node:assert/strict";
import { describe, it } from "node:test";

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

function begun(textContent = "", dataset = {}) {
  const body = {
    textContent,
    dataset,
    append(text) {
      this.textContent += text;
    },
  };
  return { message: new StreamingMessage({ querySelector: () => body }), body };
}
