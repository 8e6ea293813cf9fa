import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { initials } from "../../static/core/js/avatar.js";

describe("Two letters", () => {
  it("are the first of the first and the last word", () => {
    assert.deepEqual(["Alice van Dyke", "bob", "", "🎉 Party", "عمر حداد"].map(initials), ["AD", "B", "", "🎉P", "عح"]);
  });
});
