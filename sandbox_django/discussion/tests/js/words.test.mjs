import assert from "node:assert/strict";
import { it } from "node:test";

import { age, plural } from "../../static/discussion/js/words.js";

const NOW = new Date(2026, 10, 24, 12, 0);
const ago = (minutes) => age(new Date(NOW - minutes * 60_000), NOW);

// The same as in tests/test_ages.py.
it("ages are said as the server says them", () => {
  assert.equal(ago(0.5), "just now");
  assert.equal(ago(1), "1 min ago");
  assert.equal(ago(59.9), "59 min ago");
  assert.equal(ago(60), "1 h ago");
  assert.equal(ago(24 * 60), "1 d ago");
  assert.equal(ago(7 * 24 * 60), "17 Nov");
  assert.equal(age(new Date(2025, 8, 3), NOW), "3 Sep 2025");
});

it("a clock that is behind says nothing of the future", () => {
  assert.equal(ago(-5), "just now");
});

it("one is one, and all others are many", () => {
  assert.equal(plural(1, "vote"), "vote");
  assert.equal(plural(0, "reply", "replies"), "replies");
});
