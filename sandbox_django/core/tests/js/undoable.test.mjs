import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { UndoableAction } from "../../static/core/js/undoable.js";

function begun() {
  const done = [];
  const timers = new Map();
  const clock = {
    setTimeout: (job) => timers.set(timers.size, job).size - 1,
    clearTimeout: (timer) => timers.delete(timer),
  };
  const postponed = new UndoableAction(clock);
  const start = (name) => postponed.start({ job: () => done.push(`did ${name}`), undo: () => done.push(`undid ${name}`) });
  return { postponed, start, done, timeIsOver: () => [...timers.values()].forEach((job) => job()) };
}

describe("Something postponed", () => {
  it("is done when the time is over, once", () => {
    const { postponed, start, done, timeIsOver } = begun();
    start("one");
    assert.deepEqual(done, []);

    timeIsOver();
    postponed.settle();
    postponed.undo();

    assert.deepEqual(done, ["did one"]);
  });

  it("is not done when somebody thinks better of it", () => {
    const { postponed, start, done, timeIsOver } = begun();
    start("one");

    postponed.undo();
    timeIsOver();
    postponed.settle();

    assert.deepEqual(done, ["undid one"]);
  });

  it("is settled by the next", () => {
    const { postponed, start, done } = begun();
    start("one");

    start("two");
    postponed.undo();

    assert.deepEqual(done, ["did one", "undid two"]);
  });
});
