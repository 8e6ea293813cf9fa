import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { meansSend } from "../../static/core/js/composer.js";
import { isNearEnd } from "../../static/core/js/stick_to_bottom.js";

describe("Enter", () => {
  const enter = { key: "Enter", shiftKey: false, isComposing: false, keyCode: 13 };

  it("sends", () => assert.equal(meansSend(enter), true));
  it("breaks the line with Shift", () => assert.equal(meansSend({ ...enter, shiftKey: true }), false));
  it("belongs to an input method that is composing", () => {
    assert.equal(meansSend({ ...enter, isComposing: true }), false);
    assert.equal(meansSend({ ...enter, keyCode: 229 }), false);
  });
});

describe("A reader", () => {
  it("is followed at the end, and a few pixels before it", () => {
    assert.equal(isNearEnd({ scrollTop: 500, clientHeight: 400, scrollHeight: 900 }), true);
    assert.equal(isNearEnd({ scrollTop: 460, clientHeight: 400, scrollHeight: 900 }), true);
  });

  it("is left alone further up", () => {
    assert.equal(isNearEnd({ scrollTop: 300, clientHeight: 400, scrollHeight: 900 }), false);
  });
});
