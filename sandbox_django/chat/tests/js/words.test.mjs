import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { matching, mentionAt } from "../../static/chat/js/mentions.js";
import { dayName, dayOf, hourOf, listTime } from "../../static/chat/js/moments.js";
import { initials } from "../../static/chat/js/people.js";

const TUESDAY = new Date(2026, 10, 24, 15, 5);

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
    const people = ["Bob", "Léa Martin", "Bart Obama", "Marta"].map((name) => ({ name }));
    const found = (query) => matching(people, query).map(({ name }) => name);

    assert.deepEqual(found("mart"), ["Léa Martin", "Marta"]);
    assert.deepEqual(found("b"), ["Bob", "Bart Obama"]);
    assert.deepEqual(found("ob"), ["Bart Obama"]);
    assert.deepEqual(found("zed"), []);
    assert.deepEqual(found("léa martin"), []); // nothing left to choose
    assert.equal(found("").length, 4);
  });
});

describe("A moment", () => {
  it("is a day by name", () => {
    assert.equal(dayName("2026-11-24", TUESDAY), "Today");
    assert.equal(dayName("2026-11-23", TUESDAY), "Yesterday");
    assert.equal(dayName("2026-11-01", TUESDAY), "Sunday 1 November");
    assert.equal(dayName("2025-12-31", TUESDAY), "Wednesday 31 December 2025");
  });

  it("is an hour in a list, or a weekday, or a day", () => {
    assert.equal(listTime(new Date(2026, 10, 24, 9, 3), TUESDAY), "09:03");
    assert.equal(listTime(new Date(2026, 10, 23, 23, 59), TUESDAY), "Mon");
    assert.equal(listTime(new Date(2026, 10, 17, 9, 3), TUESDAY), "17 Nov");
    assert.equal(listTime(new Date(2026, 10, 25, 9, 3), TUESDAY), "25 Nov");
  });

  it("belongs to the reader's own day", () => {
    assert.equal(dayOf(new Date(2026, 0, 2, 0, 0)), "2026-01-02");
    assert.equal(hourOf(TUESDAY), "15:05");
  });
});

describe("Two letters", () => {
  it("are the first of the first and the last word", () => {
    assert.deepEqual(["Alice van Dyke", "bob", "", "🎉 Party", "عمر حداد"].map(initials), ["AD", "B", "", "🎉P", "عح"]);
  });
});
