import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Namesakes } from "../../static/chat/js/namesakes.js";
import { distinguish } from "../../static/chat/js/mention_suggestions.js";

const room = (...names) => {
  const namesakes = new Namesakes();
  names.forEach((name, index) => namesakes.add(index + 1, name));
  return namesakes;
};

describe("Namesakes", () => {
  it("are users with one name, however it is typed", () => {
    for (const [one, other] of [["Kim", "Kim"], ["Kim", "kIM"], ["Zoe\u0301", "Zo\u00e9"], ["Weiß", "WEISS"]]) {
      assert.deepEqual([1, 2, 3].map((id) => room(one, other, "Alice").has(id)), [true, true, false]);
    }
    assert.equal(room("Kim", "Kimi").has(1), false);
  });

  it("are no longer namesakes when one leaves or is renamed", () => {
    const namesakes = room("Kim", "Kim");
    assert.equal(namesakes.remove(2), true);
    assert.equal(namesakes.has(1), false);
    assert.equal(namesakes.add(2, "Kim"), true);
    assert.equal(namesakes.add(2, "Bob"), true);
    assert.equal(namesakes.has(1), false);
  });

  it("tell whether anything has changed", () => {
    const namesakes = room("Kim");
    assert.equal(namesakes.add(1, "Kim"), false);
    assert.equal(namesakes.add(2, "Bob"), false);
    assert.equal(namesakes.remove(7), false);
    assert.equal(namesakes.has(7), false);
  });
});

describe("Mention suggestions", () => {
  const member = (userId, displayName, user = displayName) => ({ userId, displayName, user });

  it("have a hint where two members share a name", () => {
    assert.deepEqual(distinguish([member(1, "Kim"), member(2, "kim"), member(3, "Bob")]), [
      { userId: 1, name: "Kim", hint: "#1" },
      { userId: 2, name: "kim", hint: "#2" },
      { userId: 3, name: "Bob", hint: "" },
    ]);
  });

  it("show managers the e-mail", () => {
    const hints = distinguish([member(1, "Kim", "kim@example.com"), member(2, "Kim", "kim2@example.com")]);
    assert.deepEqual(hints.map(({ hint }) => hint), ["kim@example.com", "kim2@example.com"]);
  });
});
