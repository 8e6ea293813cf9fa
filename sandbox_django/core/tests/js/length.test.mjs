import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { refuseTooLong } from "../../static/core/js/length.js";

describe("A text", () => {
  it("that is too long is refused with both numbers", () => {
    assert.throws(() => refuseTooLong("x".repeat(50_000), 10_000), {
      message: "This message is too long (50,000 of 10,000 characters).",
      code: "max_length",
    });
  });

  it("is counted in characters, as the server does", () => {
    refuseTooLong("🎉".repeat(10_000), 10_000);
    assert.throws(() => refuseTooLong("🎉".repeat(10_001), 10_000));
  });
});
