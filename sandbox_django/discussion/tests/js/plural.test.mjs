import assert from "node:assert/strict";
import { it } from "node:test";

import { plural } from "../../static/discussion/js/plural.js";

it("one is one, and all others are many", () => {
  assert.equal(plural(1, "vote"), "vote");
  assert.equal(plural(0, "reply", "replies"), "replies");
});
