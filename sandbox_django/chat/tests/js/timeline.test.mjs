import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Timeline } from "../../static/chat/js/timeline.js";

const ME = 1;
const BOB = 2;
const NOON = Date.parse("2026-11-24T12:00:00Z");

const dayOf = (moment) => moment.toISOString().slice(0, 10);
const after = (minutes) => new Date(NOON + minutes * 60_000);

function message(id, { by = BOB, content = `${id}`, minutes = 0, version = 0, ...others } = {}) {
  const createdAt = after(minutes).toISOString();
  const updatedAt = after(minutes + version).toISOString();
  return { id, userId: by, content, createdAt, updatedAt, isDeleted: false, ...others };
}

function words(timeline) {
  const items = timeline.items(dayOf);
  assert.equal(new Set(items.map(({ key }) => key)).size, items.length); // each has a place of its own
  return items.filter(({ kind }) => kind === "message").map(({ entry }) => entry.content);
}

function shape(timeline) {
  return timeline.items(dayOf).map(({ kind, day, begins, entry }) => {
    if (kind === "message") return begins ? `first ${entry.content}` : entry.content;
    return kind === "day" ? day : kind;
  });
}

describe("Order", () => {
  it("is the order of ids, however messages come", () => {
    const timeline = new Timeline(ME);

    for (const id of [5, 2, 9, 7, 1]) timeline.put(message(id));

    assert.deepEqual(words(timeline), ["1", "2", "5", "7", "9"]);
    assert.deepEqual([timeline.oldestId, timeline.newestId], [1, 9]);
  });

  it("has each message once", () => {
    const timeline = new Timeline(ME);

    assert.deepEqual([timeline.put(message(1)), timeline.put(message(1))], [true, false]);

    assert.deepEqual(words(timeline), ["1"]);
  });

  it("puts what is on its way below everything else", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Mine", after(0));

    timeline.put(message(3, { minutes: 60 }));

    assert.deepEqual(words(timeline), ["3", "Mine"]);
  });
});

describe("A changed message", () => {
  it("is the later of two versions, whichever comes first", () => {
    const timeline = new Timeline(ME);
    timeline.put(message(1, { content: "new", version: 2 }));

    timeline.put(message(1, { content: "old", version: 1 }));

    assert.deepEqual(words(timeline), ["new"]);
  });

  it("stays gone once it is deleted", () => {
    const timeline = new Timeline(ME);
    timeline.put(message(1, { content: "", isDeleted: true }));

    timeline.put(message(1, { content: "back again", version: 5 }));

    assert.deepEqual(words(timeline), [""]);
  });

  it("can be changed by me if it is the last of mine that is still there", () => {
    const timeline = new Timeline(ME);
    for (const one of [message(1, { by: ME }), message(2, { by: ME }), message(3), message(4, { by: ME, isDeleted: true })])
      timeline.put(one);

    assert.equal(timeline.myLast.id, 2);
    assert.equal(new Timeline(ME).myLast, null);
  });
});

describe("What I send", () => {
  it("becomes the message that its answer names, in the same row", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));

    timeline.arrive("a", message(1, { by: ME, content: "Hi" }));

    const rows = timeline.items(dayOf).filter(({ kind }) => kind === "message");
    assert.deepEqual(
      rows.map(({ key, id }) => [key, id]),
      [["a", 1]],
    );
  });

  it("is one row when the socket tells of it first", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));

    timeline.put(message(1, { by: ME, content: "Hi" }));
    assert.deepEqual(words(timeline), ["Hi"]);
    timeline.arrive("a", message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
    assert.equal(timeline.items(dayOf).at(-1).key, "a");
  });

  it("is one row when the socket tells of it later", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));

    timeline.arrive("a", message(1, { by: ME, content: "Hi" }));
    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
  });

  it("is not taken for what another tab of mine has said in the same words", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Yes", after(0));

    timeline.put(message(1, { by: ME, content: "Yes" })); // the other tab's
    timeline.arrive("a", message(2, { by: ME, content: "Yes" }));

    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    assert.equal(timeline.pending("a"), null);
  });

  it("keeps its place when the answers to the same words come the other way round", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Yes", after(0));
    timeline.begin("b", "Yes", after(0));

    timeline.put(message(1, { by: ME, content: "Yes" }));
    timeline.arrive("b", message(1, { by: ME, content: "Yes" }));
    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    timeline.arrive("a", message(2, { by: ME, content: "Yes" }));

    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    assert.deepEqual([timeline.oldestId, timeline.newestId], [1, 2]);
  });

  it("is not what others say in the same words", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));

    timeline.put(message(1, { content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi", "Hi"]);
  });

  it("was refused for certain: then nothing that comes is it", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));
    timeline.fail("a", "Too long.", { isUncertain: false });

    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi", "Hi"]);
    assert.deepEqual(timeline.uncertain, []);
  });

  it("may have arrived although the answer was lost", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));
    timeline.fail("a", "No connection.", { isUncertain: true });
    assert.deepEqual(
      timeline.uncertain.map(({ key }) => key),
      ["a"],
    );

    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
  });

  it("can be tried again, and thrown away", () => {
    const timeline = new Timeline(ME);
    timeline.begin("a", "Hi", after(0));
    timeline.fail("a", "No.", { isUncertain: false });

    timeline.again("a");
    assert.equal(timeline.pending("a").problem, null);
    timeline.discard("a");

    assert.equal(timeline.isEmpty, true);
  });
});

describe("Rows", () => {
  it("name their author once within five minutes", () => {
    const timeline = new Timeline(ME);
    for (const [id, minutes, by] of [
      [1, 0, BOB],
      [2, 4, BOB],
      [3, 5, ME],
      [4, 6, BOB],
      [5, 12, BOB],
    ])
      timeline.put(message(id, { minutes, by }));

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 1", "2", "first 3", "first 4", "first 5"]);
  });

  it("name nobody together whose accounts are gone", () => {
    const timeline = new Timeline(ME);
    for (const id of [1, 2]) timeline.put(message(id, { by: null }));

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 1", "first 2"]);
  });

  it("have a line above each day and above the unread", () => {
    const timeline = new Timeline(ME);
    for (const [id, minutes] of [
      [1, 0],
      [2, 1],
      [3, 24 * 60],
    ])
      timeline.put(message(id, { minutes }));

    timeline.unreadFrom = 2;

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 1", "unread", "first 2", "2026-11-25", "first 3"]);
  });
});
