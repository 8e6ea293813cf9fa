import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Refetch } from "../../static/core/js/refetch.js";

class Clock {
  waits = [];
  #jobs = [];

  setTimeout(job, delay) {
    this.waits.push(delay);
    this.#jobs.push(job);
    return job;
  }

  clearTimeout(job) {
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }

  async run() {
    for (const job of this.#jobs.splice(0)) job();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function fetches(outcomes, { random = () => 0.5 } = {}) {
  const clock = new Clock();
  const failures = [];
  let calls = 0;
  const work = async () => {
    const outcome = outcomes[calls];
    calls += 1;
    if (outcome instanceof Error) throw outcome;
    await outcome;
  };
  const refetch = new Refetch(work, { failed: (error) => failures.push(error.message), clock, random });
  return { clock, failures, refetch, calls: () => calls };
}

describe("Fetching again", () => {
  it("waits for a random time, so that a thousand pages don't come at once", async () => {
    const { clock, refetch, calls } = fetches([], { random: () => 0.25 });

    refetch.request();
    assert.deepEqual([calls(), clock.waits], [0, [1250]]);
    await clock.run();

    assert.deepEqual([calls(), refetch.isPending], [1, false]);
  });

  it("goes on until it has worked, and complains once", async () => {
    const { clock, failures, refetch, calls } = fetches([new Error("down"), new Error("down"), new Error("down")]);

    refetch.request({ spread: 0 });
    for (let attempt = 0; attempt < 10; attempt += 1) await clock.run();

    assert.equal(calls(), 4);
    assert.deepEqual(failures, ["down"]);
    assert.deepEqual(clock.waits, [0, 1000, 2000, 4000]);
    assert.equal(refetch.isPending, false);
  });

  it("waits no longer than half a minute on average", async () => {
    const { clock, refetch } = fetches(Array.from({ length: 20 }, () => new Error("down")));

    refetch.request();
    for (let attempt = 0; attempt < 20; attempt += 1) await clock.run();

    assert.equal(Math.max(...clock.waits), 30_000);
  });

  it("fetches once more for what is wanted while it fetches, however often", async () => {
    let finish;
    const { clock, refetch, calls } = fetches([new Promise((resolve) => (finish = resolve))]);
    refetch.request();
    await clock.run();

    refetch.request();
    refetch.request();
    finish();
    await clock.run();
    await clock.run();
    await clock.run();

    assert.equal(calls(), 2);
  });

  it("does not wait for its next attempt when the connection is back", async () => {
    const { clock, refetch, calls } = fetches([new Error("down"), new Error("down"), new Error("down")]);
    refetch.request();
    for (let attempt = 0; attempt < 3; attempt += 1) await clock.run();

    refetch.retryNow();
    assert.equal(clock.waits.at(-1), 500);
    await clock.run();

    assert.equal(calls(), 4);
  });

  it("stops when it is closed", async () => {
    const { clock, refetch, calls } = fetches([]);
    refetch.request();

    refetch.close();
    await clock.run();

    assert.equal(calls(), 0);
  });

  it("stops when it is closed during a fetch that fails, and fetches nothing afterwards", async () => {
    let fail;
    const { clock, refetch, calls } = fetches([new Promise((_, reject) => (fail = reject))]);
    refetch.request();
    await clock.run();

    refetch.close();
    fail(new Error("404"));
    await clock.run();
    refetch.request();
    for (let attempt = 0; attempt < 3; attempt += 1) await clock.run();

    assert.deepEqual([calls(), refetch.isPending], [1, false]);
  });
});
