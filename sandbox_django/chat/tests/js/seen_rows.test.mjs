import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SeenRows, isOnScreen } from "../../static/chat/js/seen_rows.js";

const entry = (isIntersecting, intersectionRatio, height, target = null) => ({
  target,
  isIntersecting,
  intersectionRatio,
  intersectionRect: { height },
  rootBounds: { height: 400 },
});

describe("A message", () => {
  it("is on the screen when most of it is, or when it fills half of the log", () => {
    assert.equal(isOnScreen(entry(false, 0, 0)), false);
    assert.equal(isOnScreen(entry(true, 0.4, 20)), false);
    assert.equal(isOnScreen(entry(true, 0.6, 30)), true);
    assert.equal(isOnScreen(entry(true, 0.1, 200)), true);
  });

  it("is not on the screen any more once it was scrolled away or unloaded", () => {
    let update;
    const IntersectionObserver = class {
      constructor(callback) {
        update = callback;
      }
      observe() {}
      unobserve() {}
    };
    let changes = 0;
    const seen = new SeenRows(null, () => (changes += 1), { IntersectionObserver });

    update([entry(true, 1, 30, "one"), entry(true, 1, 30, "two"), entry(true, 1, 30, "three")]);
    assert.deepEqual(seen.visible, ["one", "two", "three"]);
    update([entry(false, 0, 0, "one")]);
    seen.remove("three");

    assert.deepEqual(seen.visible, ["two"]);
    assert.equal(changes, 2);
  });
});
