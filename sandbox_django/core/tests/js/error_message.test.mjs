import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../static/core/js/api.js";
import { errorMessage } from "../../static/core/js/error_message.js";

const now = new Date(2026, 4, 1, 14, 0, 0);
const language = "en-GB";

function tooOften(retryAfter) {
  return new ApiError("Too many requests.", { code: "throttled", status: 429, retryAfter });
}

describe("The words for a refusal", () => {
  it("are the server's own", () => {
    const busy = new ApiError("An answer is being written.", { code: "answer_in_progress", status: 409 });

    assert.equal(errorMessage(busy), "An answer is being written.");
  });

  it("say when one can go on", () => {
    assert.match(errorMessage(tooOften(300), { now, language }), /You can send again at 14:05\./);
  });

  it("name the day when it is another one", () => {
    assert.match(errorMessage(tooOften(11 * 3600), { now, language }), /You can send again on Saturday.* 01:00\./);
  });

  it("are the server's own when it does not say when", () => {
    assert.equal(errorMessage(tooOften(null)), "Too many requests.");
  });
});
