import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { RoomSummaries } from "../../static/chat/js/room_summaries.js";

const ME = 1;
const BOB = 2;
const TEA = 7;
const at = (second) => `2026-11-24T12:00:${String(second).padStart(2, "0")}Z`;

function room({ lastNumber = 0, lastReadNumber = 0, second = 0, lastMessage = null } = {}) {
  return { id: TEA, title: "Tea", updatedAt: at(second), lastNumber, lastReadNumber, lastMessage };
}

function hint(number, { by = BOB, excerpt = `${number}`, second = number, changed = second, ...others } = {}) {
  return {
    groupPk: TEA,
    groupTitle: "Tea",
    updatedAt: at(second),
    number,
    excerpt,
    senderName: "Bob",
    userId: by,
    isDeleted: false,
    changedAt: at(changed),
    deletedRun: null,
    read: null,
    ...others,
  };
}

function listWith(first) {
  const rooms = new RoomSummaries(ME);
  rooms.put(room(first));
  return rooms;
}

describe("A hint", () => {
  it("about a room that is not in the list changes nothing", () => {
    const rooms = new RoomSummaries(ME);

    assert.equal(rooms.take(hint(1)), null);
    assert.equal(rooms.get(TEA), null);
  });

  it("has what the row shows, and the unread count is a subtraction", () => {
    const { newest, unread, updatedAt } = listWith({ lastNumber: 4, lastReadNumber: 4 }).take(hint(9));

    assert.deepEqual([newest.excerpt, newest.senderName, updatedAt, unread], ["9", "Bob", at(9), 5]);
  });

  it("that arrives late does not take the row back", () => {
    const rooms = listWith();
    rooms.take(hint(5));

    const { newest, updatedAt, unread } = rooms.take(hint(4));

    assert.deepEqual([newest.number, updatedAt, unread], [5, at(5), 5]);
  });

  it("of an edit shows the new text, and an older version of it does not return", () => {
    const rooms = listWith();
    rooms.take(hint(5, { changed: 6, excerpt: "edited" }));

    assert.equal(rooms.take(hint(5, { changed: 5, excerpt: "first" })).newest.excerpt, "edited");
  });

  it("never brings a deleted text back, whoever has a newer clock", () => {
    for (const from of ["hint", "page"]) {
      const rooms = listWith({ lastNumber: 5, lastMessage: { words: "", isDeleted: true } });
      if (from === "hint") rooms.take(hint(5, { isDeleted: true, excerpt: "", changed: 6 }));

      assert.equal(rooms.take(hint(5, { changed: 7, excerpt: "secret" })).newest.isDeleted, true);
      rooms.put(room({ lastNumber: 5, lastMessage: { words: "secret", isDeleted: false } }));
      assert.equal(rooms.get(TEA).newest.isDeleted, true);
    }
  });

  it("about my own message means that I have read the room up to it", () => {
    assert.equal(listWith({ lastNumber: 4 }).take(hint(5, { by: ME })).unread, 0);
  });
});

describe("My read position", () => {
  it("comes from my other pages, and never goes back", () => {
    const rooms = listWith({ lastNumber: 5 });

    assert.equal(rooms.take(hint(5, { read: { messageId: 30, number: 3 } })).unread, 2);
    assert.equal(rooms.take(hint(5, { read: { messageId: 20, number: 2 } })).unread, 2);
    assert.equal(rooms.read(TEA, 5).unread, 0);
    assert.equal(rooms.put(room({ lastNumber: 5, lastReadNumber: 3 })).unread, 0);
  });

  it("comes with an older hint, too", () => {
    const rooms = listWith({ lastNumber: 5 });

    const { newest, unread } = rooms.take(hint(4, { read: { messageId: 40, number: 4 } }));

    assert.deepEqual([newest.number, unread], [5, 1]);
  });

  it("moves past what was deleted right after it, and not past what is still to be read", () => {
    const gone = { isDeleted: true, excerpt: "" };

    assert.equal(listWith({ lastNumber: 5, lastReadNumber: 4 }).take(hint(5, { ...gone, deletedRun: { after: 4, to: 5 } })).unread, 0);
    assert.equal(listWith({ lastNumber: 5, lastReadNumber: 2 }).take(hint(5, { ...gone, deletedRun: { after: 4, to: 5 } })).unread, 3);
    assert.equal(listWith({ lastNumber: 5, lastReadNumber: 5 }).take(hint(5, { ...gone, deletedRun: { after: 2, to: 3 } })).unread, 0);
  });
});

describe("What REST says", () => {
  it("does not overwrite what a hint told in the meantime", () => {
    const rooms = listWith();
    rooms.take(hint(6));

    assert.equal(rooms.put(room({ lastNumber: 5, lastMessage: { words: "5", senderName: "Bob", userId: BOB } })).newest.number, 6);
    assert.equal(rooms.put(room({ lastNumber: 7, lastMessage: { words: "7", senderName: "Bob", userId: BOB } })).newest.excerpt, "7");
  });
});
