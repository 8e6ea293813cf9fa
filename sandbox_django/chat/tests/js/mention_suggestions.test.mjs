import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { matching, mentionAt } from "../../static/chat/js/mention_suggestions.js";

describe("An @", () => {
  it("asks for people by what follows it, up to the caret", () => {
    assert.deepEqual(mentionAt("Hi @bo", 6), { start: 3, query: "bo" });
    assert.deepEqual(mentionAt("@", 1), { start: 0, query: "" });
    assert.deepEqual(mentionAt("(@Léa M", 7), { start: 1, query: "Léa M" });
    assert.deepEqual(mentionAt("@bob later", 3), { start: 0, query: "bo" });
  });

  it("is not asked inside an e-mail address, or on another line", () => {
    for (const text of ["bob@example.com", "é@x", "@bob\nand", "nobody", ""]) assert.equal(mentionAt(text, text.length), null);
  });

  it("finds those whose name, or a later word of it, begins like this", () => {
    const members = ["Bob", "Léa Martin", "Bart Obama", "Marta"].map((name) => ({ name }));
    const found = (query) => matching(members, query).map(({ name }) => name);

    assert.deepEqual(found("mart"), ["Léa Martin", "Marta"]);
    assert.deepEqual(found("b"), ["Bob", "Bart Obama"]);
    assert.deepEqual(found("ob"), ["Bart Obama"]);
    assert.deepEqual(found("zed"), []);
    assert.deepEqual(found("léa martin"), []); // the name is complete
    assert.equal(found("").length, 4);
  });
});
