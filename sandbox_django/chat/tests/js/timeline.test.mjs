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
  return { id, number: id, userId: by, content, createdAt, updatedAt, isDeleted: false, ...others };
}

// The rows of a page that redraws only changed rows.
class Screen {
  #rows = []; // from top to bottom
  drawn = 0;

  constructor(timeline) {
    this.timeline = timeline;
  }

  draw() {
    const { removed, rows } = this.timeline.changes();
    this.#rows = this.#rows.filter(({ key }) => !removed.includes(key));
    for (const row of rows) this.#place(row);
    this.drawn += rows.length;
    return this.#rows;
  }

  #place(row) {
    this.#rows = this.#rows.filter(({ key }) => key !== row.key);
    const below = row.below === null ? this.#rows.length : this.#rows.findIndex(({ key }) => key === row.below);
    assert.ok(below >= 0, "the row below is there already");
    this.#rows.splice(below, 0, row);
  }
}

function timelineOf(...messages) {
  const timeline = new Timeline(ME, dayOf);
  const screen = new Screen(timeline);
  timeline.words = () => screen.draw().map(({ entry }) => entry.content);
  timeline.shape = () =>
    screen.draw().flatMap(({ day, isFirstUnread, begins, entry }) => [
      ...(day ? [day] : []),
      ...(isFirstUnread ? ["unread"] : []),
      begins ? `first ${entry.content}` : entry.content,
    ]);
  timeline.rows = () => screen.draw();
  timeline.screen = screen;
  for (const one of messages) timeline.put(one);
  return timeline;
}

const words = (timeline) => timeline.words();
const shape = (timeline) => timeline.shape();

describe("Order", () => {
  it("is the order of ids, however messages come", () => {
    const timeline = timelineOf();

    for (const id of [5, 4, 9, 7, 6, 3]) timeline.put(message(id));

    assert.deepEqual(words(timeline), ["3", "4", "5", "6", "7", "9"]);
    assert.deepEqual([timeline.oldest.id, timeline.newest.id], [3, 9]);
  });

  it("has each message once", () => {
    const timeline = timelineOf();

    assert.deepEqual([timeline.put(message(1)), timeline.put(message(1))], [true, false]);

    assert.deepEqual(words(timeline), ["1"]);
  });

  it("puts what is on its way below everything else", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Mine", after(0));

    timeline.put(message(3, { minutes: 60 }));

    assert.deepEqual(words(timeline), ["3", "Mine"]);
  });
});

describe("A changed message", () => {
  it("is the later of two versions, whichever comes first", () => {
    const timeline = timelineOf();
    timeline.put(message(1, { content: "new", version: 2 }));

    timeline.put(message(1, { content: "old", version: 1 }));

    assert.deepEqual(words(timeline), ["new"]);
  });

  it("stays gone once it is deleted", () => {
    const timeline = timelineOf();
    timeline.put(message(1, { content: "", isDeleted: true }));

    timeline.put(message(1, { content: "back again", version: 5 }));

    assert.deepEqual(words(timeline), [""]);
  });

  it("can be changed by me if it is the last of mine that is still there", () => {
    const timeline = timelineOf();
    for (const one of [message(1, { by: ME }), message(2, { by: ME }), message(3), message(4, { by: ME, isDeleted: true })])
      timeline.put(one);

    assert.equal(timeline.myLast.id, 2);
    assert.equal(timelineOf().myLast, null);
  });
});

describe("What I send", () => {
  it("becomes the message that its answer names, in the same row", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));

    timeline.confirmPending("a", message(1, { by: ME, content: "Hi" }));

    const rows = timeline.rows();
    assert.deepEqual(
      rows.map(({ key, id }) => [key, id]),
      [["a", 1]],
    );
  });

  it("is one row when the socket tells of it first", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));

    timeline.put(message(1, { by: ME, content: "Hi" }));
    assert.deepEqual(words(timeline), ["Hi"]);
    timeline.confirmPending("a", message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
    assert.equal(timeline.rows().at(-1).key, "a");
  });

  it("is one row when the socket tells of it later", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));

    timeline.confirmPending("a", message(1, { by: ME, content: "Hi" }));
    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
  });

  it("is not taken for what another tab of mine has said in the same words", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Yes", after(0));

    timeline.put(message(1, { by: ME, content: "Yes" })); // the other tab's
    timeline.confirmPending("a", message(2, { by: ME, content: "Yes" }));

    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    assert.equal(timeline.pending("a"), null);
  });

  it("keeps its place when the answers to the same words come the other way round", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Yes", after(0));
    timeline.addPending("b", "Yes", after(0));

    timeline.put(message(1, { by: ME, content: "Yes" }));
    timeline.confirmPending("b", message(1, { by: ME, content: "Yes" }));
    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    timeline.confirmPending("a", message(2, { by: ME, content: "Yes" }));

    assert.deepEqual(words(timeline), ["Yes", "Yes"]);
    assert.deepEqual([timeline.oldest.id, timeline.newest.id], [1, 2]);
  });

  it("is not what others say in the same words", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));

    timeline.put(message(1, { content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi", "Hi"]);
  });

  it("was refused for certain: then nothing that comes is it", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));
    timeline.fail("a", "Too long.", { isUncertain: false });

    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi", "Hi"]);
    assert.deepEqual(timeline.uncertain, []);
  });

  it("may have arrived although the answer was lost", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));
    timeline.fail("a", "No connection.", { isUncertain: true });
    assert.deepEqual(
      timeline.uncertain.map(({ key }) => key),
      ["a"],
    );

    timeline.put(message(1, { by: ME, content: "Hi" }));

    assert.deepEqual(words(timeline), ["Hi"]);
  });

  it("can be tried again, and thrown away", () => {
    const timeline = timelineOf();
    timeline.addPending("a", "Hi", after(0));
    timeline.fail("a", "No.", { isUncertain: false });

    timeline.retry("a");
    assert.equal(timeline.pending("a").problem, null);
    timeline.discard("a");

    assert.equal(timeline.isEmpty, true);
  });
});

describe("Rows", () => {
  it("name their author once within five minutes", () => {
    const timeline = timelineOf();
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
    const timeline = timelineOf();
    for (const id of [1, 2]) timeline.put(message(id, { by: null }));

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 1", "first 2"]);
  });

  it("have a line above each day and above the unread", () => {
    const timeline = timelineOf();
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

describe("A long room", () => {
  const some = (from, to) => Array.from({ length: to - from + 1 }, (_, place) => message(from + place));

  it("knows by the numbers whether there is more on either side", () => {
    const timeline = timelineOf(...some(5, 8));
    assert.deepEqual([timeline.hasEarlier, timeline.hasLater], [true, false]);

    timeline.noteNumber(10);
    assert.equal(timeline.hasLater, true);
    for (const one of [9, 10, 4, 3, 2, 1]) timeline.put(message(one));

    assert.deepEqual([timeline.hasEarlier, timeline.hasLater, timeline.size], [false, false, 10]);
  });

  it("takes in nothing that would leave a gap", () => {
    const timeline = timelineOf(...some(5, 8));
    timeline.noteNumber(20);

    assert.deepEqual([timeline.put(message(21)), timeline.put(message(2))], [false, false]);

    assert.deepEqual(words(timeline), ["5", "6", "7", "8"]);
    assert.equal(timeline.lastNumber, 21);
  });

  it("takes in at its end what comes before what precedes it", () => {
    const timeline = timelineOf(...some(1, 2));
    timeline.addPending("a", "Mine", after(0));

    timeline.confirmPending("a", message(4, { by: ME, content: "Mine" }));
    assert.deepEqual(words(timeline), ["1", "2", "Mine"]);
    timeline.put(message(3));

    assert.deepEqual(words(timeline), ["1", "2", "3", "Mine"]);
  });

  it("can be unloaded on both sides and loaded again", () => {
    const timeline = timelineOf(...some(1, 10));
    words(timeline);

    timeline.dropOldest(4);
    timeline.dropNewest(3);
    assert.deepEqual(shape(timeline), ["2026-11-24", "first 5", "6", "7"]);
    assert.deepEqual([timeline.hasEarlier, timeline.hasLater], [true, true]);
    for (const one of [...some(8, 10), message(4), message(3)]) timeline.put(one);

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 3", "4", "5", "6", "7", "8", "9", "10"]);
  });

  it("shows what is on its way at its end only", () => {
    const timeline = timelineOf(...some(1, 3));
    timeline.addPending("a", "Mine", after(0));
    assert.deepEqual(words(timeline), ["1", "2", "3", "Mine"]);

    timeline.noteNumber(4);
    assert.deepEqual(words(timeline), ["1", "2", "3"]);
    timeline.put(message(4));

    assert.deepEqual(words(timeline), ["1", "2", "3", "4", "Mine"]);
  });

  it("can go to its newest messages, with what came while they were fetched", () => {
    const timeline = timelineOf(...some(1, 3));
    timeline.noteNumber(100);
    timeline.addPending("a", "Mine", after(0));
    words(timeline);

    timeline.put(message(102));
    timeline.showNewest([...some(99, 100), message(101, { by: ME, content: "Mine" })]);
    assert.equal(timeline.hasLater, true);
    timeline.put(message(102));

    assert.deepEqual(words(timeline), ["99", "100", "Mine", "102"]);
    assert.equal(timeline.pending("a"), null);
  });

  it("takes the newest messages in without a gap after what is loaded", () => {
    const near = timelineOf(...some(1, 10));
    const far = timelineOf(...some(1, 10));

    near.addNewest(some(8, 15));
    far.addNewest(some(90, 99));

    assert.deepEqual([near.newestId, near.hasLater], [15, false]);
    assert.deepEqual([far.oldestId, far.newestId, far.hasLater, far.lastNumber], [1, 10, true, 99]);
  });

  it("keeps the line above the unread where it is while rows go and come", () => {
    const timeline = timelineOf(...some(1, 6));
    timeline.unreadFrom = 3;
    words(timeline);

    timeline.dropOldest(4);
    assert.deepEqual(shape(timeline), ["2026-11-24", "first 5", "6"]);
    for (const one of [4, 3, 2]) timeline.put(message(one));

    assert.deepEqual(shape(timeline), ["2026-11-24", "first 2", "unread", "first 3", "4", "5", "6"]);
  });

  it("is drawn as quickly as a short one", () => {
    const timeline = timelineOf(...some(1, 5000));
    words(timeline);
    const { screen } = timeline;

    for (const change of [
      () => timeline.put(message(5001)),
      () => timeline.put(message(20, { content: "edited", version: 5 })),
      () => timeline.addPending("a", "Mine", after(0)),
      () => timeline.confirmPending("a", message(5002, { by: ME, content: "Mine" })),
      () => (timeline.unreadFrom = 5001),
    ]) {
      screen.drawn = 0;
      change();
      words(timeline);
      assert.ok(screen.drawn >= 1 && screen.drawn <= 3, `${screen.drawn} rows`);
    }
  });
});
