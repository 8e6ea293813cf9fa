import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isNearEnd, isLayoutChange } from "../../static/core/js/stick_to_bottom.js";

const atEnd = { scrollTop: 500, clientHeight: 400, scrollHeight: 900 };

describe("A reader", () => {
  it("is at the end when hardly anything is below", () => {
    assert.equal(isNearEnd(atEnd), true);
    assert.equal(isNearEnd({ ...atEnd, scrollTop: 460 }), true);
    assert.equal(isNearEnd({ ...atEnd, scrollTop: 400 }), false);
  });

  it("leaves the end by scrolling up", () => {
    assert.equal(isLayoutChange(atEnd, { ...atEnd, scrollTop: 400 }), false);
    // Also during an answer.
    assert.equal(isLayoutChange(atEnd, { ...atEnd, scrollTop: 400, scrollHeight: 930 }), false);
  });

  it("does not leave it when the log grows or shrinks, or becomes a smaller place", () => {
    assert.equal(isLayoutChange(atEnd, { ...atEnd, scrollHeight: 1200 }), true);
    assert.equal(isLayoutChange(atEnd, { ...atEnd, scrollTop: 300, scrollHeight: 800 }), true);
    assert.equal(isLayoutChange(atEnd, { ...atEnd, scrollTop: 490, clientHeight: 300 }), true);
  });
});
