import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { badgeOf, renameInTitle, showUnreadInTitle } from "../../static/core/js/window_title.js";

describe("The window's title", () => {
  it("begins with the number of unread items while there are any, and keeps it when the page is renamed", () => {
    globalThis.document = { title: "3 · Sandbox" };

    showUnreadInTitle(3);
    assert.equal(document.title, "(3) 3 · Sandbox");
    renameInTitle("3", "Four $& five");
    assert.equal(document.title, "(3) Four $& five · Sandbox");
    showUnreadInTitle(12);
    assert.equal(document.title, "(12) Four $& five · Sandbox");
    showUnreadInTitle(0);
    assert.equal(document.title, "Four $& five · Sandbox");
  });
});

describe("A badge", () => {
  it("counts to 99", () => {
    assert.deepEqual([badgeOf(0), badgeOf(99), badgeOf(100)], ["0", "99", "99+"]);
  });
});
