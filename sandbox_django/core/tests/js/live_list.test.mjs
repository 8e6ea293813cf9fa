import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { LiveList, PagedLog, pagesOf } from "../../static/core/js/live_list.js";

const SECOND = 1000;
const { fetch: realFetch } = globalThis;

afterEach(() => {
  globalThis.fetch = realFetch;
});

class Clock {
  #jobs = [];

  setTimeout(job) {
    this.#jobs.push(job);
    return job;
  }

  clearTimeout(job) {
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }

  async run() {
    for (const job of this.#jobs.splice(0)) job();
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

class Socket extends EventTarget {
  since = 0;

  receive(action, detail, seq = null) {
    if (seq !== null) this.since = seq;
    this.dispatchEvent(Object.assign(new CustomEvent(action, { detail }), { seq }));
  }

  connect(statusCode = 200) {
    this.receive("authentication", { statusCode });
  }
}

function aList({ states = [], age = 0, hasHints = true } = {}) {
  const live = new Socket();
  const clock = new Clock();
  const shown = [];
  let fetches = 0;
  const fetch = async () => {
    fetches += 1;
    const state = states[Math.min(fetches, states.length) - 1];
    if (state instanceof Error) throw state;
    return typeof state === "function" ? state() : state;
  };
  const list = new LiveList(live, { fetch, show: (state) => shown.push(state), hasHints }, { age: () => age, clock, random: () => 0 });
  return { live, clock, list, shown, fetches: () => fetches };
}

describe("A live list", () => {
  it("sends no request when it connects at once", async () => {
    const { live, clock, fetches } = aList({ age: 1.9 * SECOND });

    live.connect();
    await clock.run();

    assert.equal(fetches(), 0);
  });

  it("fetches the hints that were sent before a late first connection", async () => {
    const { live, clock, fetches } = aList({ age: 2.1 * SECOND });

    live.connect(401);
    await clock.run();
    assert.equal(fetches(), 0);
    live.connect();
    await clock.run();

    assert.equal(fetches(), 1);
  });

  it("fetches the hints that were sent between two connections", async () => {
    const { live, clock, fetches } = aList();
    live.connect();

    live.connect();
    await clock.run();

    assert.equal(fetches(), 1);
  });

  it("fetches nothing for a connection if no hints change it, and after a gap all the same", async () => {
    const { live, clock, fetches } = aList({ hasHints: false, age: 60 * SECOND });
    live.connect();
    live.connect();
    await clock.run();
    assert.equal(fetches(), 0);

    live.receive("resync", { seq: 9 });
    await clock.run();

    assert.equal(fetches(), 1);
  });

  it("fetches nothing for an event, a hint or an unknown frame", async () => {
    const { live, clock, fetches } = aList();
    live.connect();

    live.receive("topic_updated", {}, 1);
    live.receive("vote_updated", {});
    await clock.run();

    assert.equal(fetches(), 0);
  });

  it("handles no event that the last fetch has brought already", async () => {
    const { live, clock, list } = aList({ states: [{ seq: 5 }] });
    const handled = [];
    list.on("reply_created", ({ id }) => handled.push(id));
    live.receive("reply_created", { id: "before" }, 3);
    list.request();
    await clock.run();

    live.receive("reply_created", { id: "fetched" }, 5);
    live.receive("reply_created", { id: "new" }, 6);
    live.receive("reply_created", { id: "hint" });

    assert.deepEqual(handled, ["before", "new", "hint"]);
  });

  it("shows no state that is older than an event which it shows", async () => {
    const { live, clock, list, shown } = aList({ states: [{ seq: 5 }, { seq: 6 }] });
    list.on("reply_created", () => {});
    live.receive("reply_created", {}, 6);

    list.request();
    await clock.run();

    assert.deepEqual(shown, [{ seq: 6 }]);
  });

  it("gives up on a server that returns old states only, and tries again later", async () => {
    const { live, clock, list, shown, fetches } = aList({ states: [...Array(5).fill({ seq: 5 }), { seq: 6 }] });
    list.on("reply_created", () => {});
    live.receive("reply_created", {}, 6);
    list.request();
    await clock.run();
    assert.deepEqual([shown, fetches()], [[], 5]);

    await clock.run();

    assert.deepEqual(shown, [{ seq: 6 }]);
  });

  it("goes on with the lower numbers of a feed that was restored", async () => {
    const { live, clock, list, shown } = aList({ states: [{ seq: 3 }] });
    const handled = [];
    list.on("reply_created", ({ id }) => handled.push(id));
    live.receive("reply_created", { id: "before" }, 8);

    live.receive("resync", { seq: 3 });
    await clock.run();
    live.receive("reply_created", { id: "after" }, 4);

    assert.deepEqual([shown, handled], [[{ seq: 3 }], ["before", "after"]]);
  });

  it("fetches nothing more after its socket was refused", async () => {
    const { live, clock, list, fetches } = aList({ states: [new Error("401")] });
    list.request();
    await clock.run();

    live.receive("state", "refused");
    live.receive("resync", { seq: 9 });
    await clock.run();

    assert.equal(fetches(), 1);
  });
});

// The numbers of a log whose ids are ten times as large.
class Items {
  hasEarlier = true;
  hasLater = false;
  added = [];

  constructor(numbers) {
    this.ids = numbers.map((number) => number * 10);
  }

  get oldestId() {
    return this.ids[0] ?? null;
  }

  get newestId() {
    return this.ids.at(-1) ?? null;
  }

  get size() {
    return this.ids.length;
  }

  add(items, { isStart }) {
    this.added.push(...items.map(({ id }) => id));
    this.ids = [...new Set([...this.ids, ...items.map(({ id }) => id)])].sort((one, other) => one - other);
    if (isStart) this.hasEarlier = false;
  }

  addNewest(items) {
    this.add(items, { isStart: false });
  }

  showNewest(items) {
    this.ids = items.map(({ id }) => id);
    this.hasLater = false;
  }

  dropOldest(count) {
    this.ids.splice(0, count);
  }

  dropNewest(count) {
    this.ids.splice(-count);
  }
}

// As the API pages a log of `length` messages.
function serve(length, { newestFirst = false } = {}) {
  const requests = [];
  globalThis.fetch = async (url) => {
    const query = new URL(url, "http://here").searchParams;
    requests.push([...query].map(([name, value]) => `${name}=${value}`).join("&"));
    const limit = Number(query.get("limit"));
    const all = Array.from({ length }, (_, index) => ({ id: (index + 1) * 10 }));
    let results;
    let next = null;
    if (query.has("before")) {
      const before = all.filter(({ id }) => id < Number(query.get("before")));
      results = before.slice(-limit);
      if (before.length > limit) next = `http://inside/log/?limit=${limit}&before=${results[0].id}`;
      if (newestFirst) results.reverse();
    } else {
      const after = all.filter(({ id }) => id > Number(query.get("after")));
      results = after.slice(0, limit);
      if (after.length > limit) next = `http://inside/log/?limit=${limit}&after=${results.at(-1).id}`;
    }
    return { ok: true, status: 200, json: async () => ({ results, next }) };
  };
  return requests;
}

class Scroller {
  isAtEnd;

  constructor(log, { startsAtEnd }) {
    this.isAtEnd = startsAtEnd;
  }

  keepPlace(change) {
    change();
  }

  update() {}

  toEnd() {
    this.isAtEnd = true;
  }
}

class Observer {
  static near;

  constructor(callback) {
    Observer.near = (target) => callback([{ isIntersecting: true, target }]);
  }

  observe() {}

  unobserve() {}
}

function element() {
  return Object.assign(new EventTarget(), { hidden: false, disabled: false });
}

function aLog(numbers, { startsAtEnd = true, maxRows = Infinity, scrollTop = 0 } = {}) {
  const live = new Socket();
  const clock = new Clock();
  const items = new Items(numbers);
  const [earlier, later, toEnd] = [element(), element(), element()];
  const errors = [];
  const log = new PagedLog(
    live,
    {
      url: "/log/",
      items,
      draw: () => {},
      failed: (error) => errors.push(error.status),
      log: { scrollHeight: 1000, scrollTop, clientHeight: 100 },
      earlier,
      later,
      toEnd,
      startsAtEnd,
      loadsOnScroll: true,
      maxRows,
    },
    { Scroller, IntersectionObserver: Observer, clock, random: () => 0 },
  );
  return { live, clock, items, log, earlier, later, toEnd, errors };
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("A paged log", () => {
  it("loads earlier items until there are none", async () => {
    const requests = serve(80);
    const { items, log, earlier } = aLog(range(71, 80));

    await log.load(earlier);
    assert.deepEqual([items.oldestId, earlier.hidden], [210, false]);
    await log.load(earlier);
    assert.deepEqual([items.oldestId, earlier.hidden], [10, true]);
    await log.load(earlier);

    assert.deepEqual(requests, ["limit=50&before=710", "limit=50&before=210"]);
  });

  it("loads later items when the user scrolls near them, once at a time", async () => {
    const requests = serve(80);
    const { items, later } = aLog(range(1, 10));

    Observer.near(later);
    Observer.near(later);
    await new Promise((resolve) => setTimeout(resolve));

    assert.deepEqual([requests, items.newestId], [["limit=50&after=100"], 600]);
  });

  it("reports why it could not load, and can be asked again", async () => {
    const { log, earlier, errors } = aLog(range(1, 10));
    globalThis.fetch = async () => ({ ok: false, status: 503, headers: new Headers(), json: async () => ({}) });

    await log.load(earlier);

    assert.deepEqual([errors, earlier.disabled], [[503], false]);
  });

  for (const newestFirst of [false, true]) {
    it(`fetches what is loaded and the newest after a gap, ${newestFirst ? "newest" : "oldest"} first`, async () => {
      const requests = serve(420, { newestFirst });
      const { live, clock, items } = aLog(range(151, 400));

      live.receive("resync", { seq: 9 });
      await clock.run();

      assert.deepEqual(requests, [
        `limit=100&before=${Number.MAX_SAFE_INTEGER}`,
        "limit=100&after=1509",
        "limit=100&after=2500",
        "limit=100&after=3500",
      ]);
      assert.deepEqual(items.ids, range(151, 420).map((number) => number * 10));
    });
  }

  it("sends one request after a gap when the newest page has everything that is loaded", async () => {
    const requests = serve(90);
    const { live, clock } = aLog(range(41, 90));

    live.receive("resync", { seq: 9 });
    await clock.run();

    assert.equal(requests.length, 1);
  });

  it("doesn't fetch what came between the loaded items and the newest, however much it is", async () => {
    const requests = serve(5000);
    const { live, clock, items } = aLog(range(1, 50));

    live.receive("resync", { seq: 9 });
    await clock.run();

    assert.equal(requests.length, 2);
    assert.equal(items.newestId, 50_000);
  });

  it("jumps to the newest items when they are not loaded", async () => {
    serve(500, { newestFirst: true });
    const { items, log, toEnd } = aLog(range(1, 50), { startsAtEnd: false });
    items.hasLater = true;

    await log.jumpToLatest();

    assert.deepEqual([items.ids[0], items.newestId, toEnd.hidden], [4510, 5000, true]);
  });

  it("unloads rows on the side that is further from the screen", () => {
    const atTop = aLog(range(1, 300), { startsAtEnd: false, maxRows: 250, scrollTop: 100 });
    const atBottom = aLog(range(1, 300), { startsAtEnd: false, maxRows: 250, scrollTop: 800 });
    const atEnd = aLog(range(1, 299), { maxRows: 250 });

    for (const { log } of [atTop, atBottom, atEnd]) log.draw();

    assert.deepEqual([atTop.items.ids[0], atTop.items.newestId], [10, 2500]);
    assert.deepEqual([atBottom.items.ids[0], atBottom.items.newestId], [510, 3000]);
    assert.equal(atEnd.items.size, 299);
  });
});

describe("The pages of a list", () => {
  it("end at the maximum, on this page's own host", async () => {
    const asked = [];
    globalThis.fetch = async (url) => {
      asked.push(url);
      return { ok: true, status: 200, json: async () => ({ results: [1], next: "http://inside/api/chat/?limit=1&offset=9" }) };
    };

    const results = [];
    for await (const page of pagesOf("/api/chat/?limit=1", 3)) results.push(...page);

    assert.deepEqual(results, [1, 1, 1]);
    assert.deepEqual(asked, ["/api/chat/?limit=1", "/api/chat/?limit=1&offset=9", "/api/chat/?limit=1&offset=9"]);
  });
});
