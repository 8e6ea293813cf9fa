import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Draft } from "../../static/core/js/draft.js";

function storeOf(texts) {
  return {
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => texts.set(name, text),
    removeItem: (name) => texts.delete(name),
  };
}

describe("A draft", () => {
  it("is there again on the next page, under its own name only", () => {
    const store = storeOf(new Map());
    new Draft("one", () => store).keep("How long do I");

    assert.equal(new Draft("one", () => store).read(), "How long do I");
    assert.equal(new Draft("two", () => store).read(), "");
  });

  it("leaves nothing behind when there is no text any more", () => {
    const texts = new Map();
    const draft = new Draft("one", () => storeOf(texts));
    draft.keep("How long");

    draft.keep(" ");

    assert.equal(texts.size, 0);
  });

  it("is given up where the browser keeps nothing", () => {
    const draft = new Draft("one", () => {
      throw new Error("SecurityError");
    });

    draft.keep("How long");

    assert.equal(draft.read(), "");
  });
});
