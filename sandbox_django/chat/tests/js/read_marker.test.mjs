import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ReadMarker } from "../../static/chat/js/read_marker.js";

// A fake clock that the test advances.
class Clock {
  now = 0;
  #jobs = [];

  setTimeout(job, delay) {
    const timer = { job, at: this.now + delay };
    this.#jobs.push(timer);
    return timer;
  }

  clearTimeout(timer) {
    this.#jobs = this.#jobs.filter((other) => other !== timer);
  }

  async pass(milliseconds) {
    const until = this.now + milliseconds;
    for (;;) {
      const next = this.#jobs.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
      if (!next) break;
      this.now = next.at;
      this.clearTimeout(next);
      next.job();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.now = until;
  }
}

function marker({ lastRead = 0, store = async () => {} } = {}) {
  const clock = new Clock();
  const stored = [];
  const record = (id, how) => {
    stored.push([id, how.isLeaving]);
    return store(id);
  };
  return { clock, stored, reader: new ReadMarker(record, lastRead, { clock, random: () => 0.5 }) };
}

describe("A page that reads", () => {
  it("sends nothing for what was read before", async () => {
    const { clock, stored, reader } = marker({ lastRead: 5 });

    reader.read({ id: 50, number: 5 });
    await clock.pass(100_000);

    assert.deepEqual(stored, []);
  });

  it("sends one request for all that comes within some seconds, with the last of it", async () => {
    const { clock, stored, reader } = marker();

    for (const number of [1, 2, 3]) reader.read({ id: number * 10, number });
    assert.deepEqual(stored, []);
    await clock.pass(3000);
    reader.read({ id: 20, number: 2 });
    await clock.pass(100_000);

    assert.deepEqual(stored, [[30, false]]);
    assert.equal(reader.lastRead, 3);
  });

  it("sends at most seven requests a second together with all others, however many read", async () => {
    for (const readers of [200, 500]) {
      const { clock, stored, reader } = marker();
      reader.readers = readers;
      const seconds = 1000;

      for (let number = 1; number <= seconds; number += 1) {
        reader.read({ id: number, number });
        await clock.pass(1000);
      }

      assert.ok((stored.length * readers) / seconds <= 7, `${stored.length} of one page`);
      assert.ok(stored.length / seconds <= 0.05);
    }
  });

  it("sends at once what is not stored when it is hidden, and not twice", async () => {
    const { clock, stored, reader } = marker();
    reader.read({ id: 10, number: 1 });

    reader.flush();
    reader.flush();
    await clock.pass(100_000);

    assert.deepEqual(stored, [[10, true]]);
  });

  it("sends nothing for what I have sent, or read elsewhere", async () => {
    const { clock, stored, reader } = marker();
    reader.read({ id: 10, number: 1 });

    reader.known(2);
    reader.read({ id: 20, number: 2 });
    await clock.pass(100_000);

    assert.deepEqual([stored, reader.lastRead], [[], 2]);
  });

  it("tries again after a failure, less and less often", async () => {
    let fails = 4;
    const { clock, stored, reader } = marker({ store: async () => (fails-- > 0 ? Promise.reject(new Error()) : null) });

    reader.read({ id: 10, number: 1 });
    await clock.pass(10_000);
    assert.equal(stored.length, 2);
    await clock.pass(1_000_000);

    assert.equal(stored.length, 5);
  });
});
