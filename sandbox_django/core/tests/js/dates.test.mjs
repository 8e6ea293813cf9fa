import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { age, dayName, dayOf, hourOf, listTime } from "../../static/core/js/dates.js";

const TUESDAY = new Date(2026, 10, 24, 15, 5);
const NOW = new Date(2026, 10, 24, 12, 0);
const ago = (minutes) => age(new Date(NOW - minutes * 60_000), NOW);

// The same examples as in tests/test_dates.py.
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
