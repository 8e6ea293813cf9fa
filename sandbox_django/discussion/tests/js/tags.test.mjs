import assert from "node:assert/strict";
import { it } from "node:test";

import { tagsIn } from "../../static/discussion/js/tags.js";

it("finds tags with spaces or commas between them", () => {
  assert.deepEqual(tagsIn(" tea, green  hot,,"), ["tea", "green", "hot"]);
  assert.deepEqual(tagsIn(""), []);
});
