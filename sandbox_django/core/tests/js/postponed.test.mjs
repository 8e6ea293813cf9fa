import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Postponed } from "../../static/core/js/postponed.js";

function begun() {
  const done = [];
  const timers = new Map();
  const clock = {
    setTimeout: (job) => timers.set(timers.size, job).size - 1,
    clearTimeout: (timer) => timers.delete(timer),
  };
  const postponed = new Postponed(clock);
  const begin = (name) => postponed.begin({ job: () => done.push(`did ${name}`), undo: () => done.push(`undid ${name}`) });
  return { postponed, begin, done, timeIsOver: () => [...timers.values()].forEach((job) => job()) };
}

describe("Something postponed", () => {
  it("is done when the time is over, once", () => {
    const { postponed, begin, done, timeIsOver } = begun();
    begin("one");
    assert.deepEqual(done, []);

    timeIsOver();
    postponed.settle();
    postponed.undo();

    assert.deepEqual(done, ["did one"]);
  });

  it("is not done when somebody thinks better of it", () => {
    const { postponed, begin, done, timeIsOver } = begun();
    begin("one");

    postponed.undo();
    timeIsOver();
    postponed.settle();

    assert.deepEqual(done, ["undid one"]);
  });

  it("is settled by the next", () => {
    const { postponed, begin, done } = begun();
    begin("one");

    begin("two");
    postponed.undo();

    assert.deepEqual(done, ["did one", "undid two"]);
  });
});
