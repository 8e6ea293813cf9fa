import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LiveSocket } from "../../static/live/js/live_socket.js";

describe("A live socket", () => {
  it("says what the page already has", () => {
    const { sockets } = opened({ since: 7 });

    assert.equal(sockets[0].url, "ws://sandbox.example/ws/assistants/1/?since=7");
  });

  it("asks for nothing when it has nothing", () => {
    const { sockets } = opened({ since: null });

    assert.equal(sockets[0].url, "ws://sandbox.example/ws/assistants/1/");
  });

  it("names the account of its page", () => {
    const { sockets } = opened({ account: "k2b" });

    assert.equal(new URL(sockets[0].url).searchParams.get("account"), "k2b");
  });

  it("uses an encrypted socket on an encrypted page", () => {
    const { sockets } = opened({ href: "https://sandbox.example/assistants/1/" });

    assert.match(sockets[0].url, /^wss:/);
  });

  it("tells each frame under the name of its action", () => {
    const { live, sockets } = opened({ since: 3 });
    const events = collecting(live, "member_message");
    sockets[0].accept(3);

    sockets[0].sendFrame({ action: "member_message", payload: { id: 9 }, seq: 4 });

    assert.deepEqual(events, [{ detail: { id: 9 }, seq: 4 }]);
    assert.equal(live.since, 4);
  });

  it("tells nothing twice", () => {
    const { live, sockets } = opened({ since: 3 });
    const events = collecting(live, "member_message");
    sockets[0].accept(3);

    sockets[0].sendFrame({ action: "member_message", payload: { id: 8 }, seq: 3 });
    sockets[0].sendFrame({ action: "member_message", payload: { id: 9 }, seq: 4 });
    sockets[0].sendFrame({ action: "member_message", payload: { id: 9 }, seq: 4 });

    assert.equal(events.length, 1);
  });

  it("passes on what has no number, as often as it comes", () => {
    const { live, sockets } = opened({ since: 3 });
    const events = collecting(live, "typing");
    sockets[0].accept(3);

    sockets[0].sendFrame({ action: "typing", payload: {} });
    sockets[0].sendFrame({ action: "typing", payload: {} });

    assert.equal(events.length, 2);
  });

  it("takes the server's number when it came without one", () => {
    const { live, sockets } = opened({ since: null });

    sockets[0].accept(12);

    assert.equal(live.since, 12);
  });

  it("keeps its own number when it came with one: the rest is still to be told", () => {
    const { live, sockets } = opened({ since: 3 });

    sockets[0].accept(12);

    assert.equal(live.since, 3);
  });

  it("comes back with what it has when something is missing", () => {
    const { live, sockets, clock } = opened({ since: 3 });
    const events = collecting(live, "member_message");
    sockets[0].accept(3);

    sockets[0].sendFrame({ action: "member_message", payload: {}, seq: 5 });
    clock.pass(1000);

    assert.equal(events.length, 0);
    assert.equal(sockets[0].isClosed, true);
    assert.match(sockets[1].url, /since=3$/);
  });

  it("says when everything has to be fetched again, and goes on from there", () => {
    const { live, sockets } = opened({ since: 900 });
    const events = collecting(live, "resync");
    sockets[0].accept(4);

    sockets[0].sendFrame({ action: "resync", payload: { seq: 4 } });
    sockets[0].sendFrame({ action: "member_message", payload: {}, seq: 5 });

    assert.deepEqual(events, [{ detail: { seq: 4 }, seq: null }]);
    assert.equal(live.since, 5);
  });

  it("is live only once it was let in", () => {
    const { live, sockets } = opened();
    assert.equal(live.state, "connecting");

    sockets[0].accept(0);

    assert.equal(live.state, "live");
  });

  it("stays away once it was refused", () => {
    for (const code of [4400, 4401, 4403, 4404]) {
      const { live, sockets, clock, page } = opened();
      sockets[0].sendFrame({ action: "authentication", payload: { statusCode: 403, statusText: "Forbidden", data: {} } });
      assert.equal(live.state, "connecting");

      sockets[0].end(code);
      clock.pass(120_000);
      page.dispatchEvent(new Event("online"));

      assert.equal(live.state, "refused");
      assert.equal(sockets.length, 1, `after ${code}`);
    }
  });

  it("comes back when it was only too slow", () => {
    const { sockets, clock } = opened();
    sockets[0].accept(0);

    sockets[0].end(4408);
    clock.pass(1000);

    assert.equal(sockets.length, 2);
  });

  it("comes back later when there are too many", () => {
    const { live, sockets, clock } = opened();
    sockets[0].end(4429);

    clock.pass(29_000);
    assert.equal(sockets.length, 1);
    clock.pass(3000);

    assert.equal(sockets.length, 2);
    assert.notEqual(live.state, "refused");
  });

  it("waits longer each time, up to half a minute, and never the same for all", () => {
    const { sockets, clock } = opened({ random: () => 1 });
    const waits = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      sockets.at(-1).end(1006);
      const from = clock.now();
      const count = sockets.length;
      while (sockets.length === count) clock.pass(100);
      waits.push(clock.now() - from);
    }

    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);

    const lucky = opened({ random: () => 0.01 });
    lucky.sockets[0].end(1012);
    lucky.clock.pass(100);
    assert.equal(lucky.sockets.length, 2);
  });

  it("starts with short waits again after it was live for a while", () => {
    const { sockets, clock } = opened({ random: () => 1 });
    for (const wait of [1000, 2000, 4000]) {
      sockets.at(-1).end(1006);
      clock.pass(wait);
    }
    sockets.at(-1).accept(0);
    clock.pass(6000);

    sockets.at(-1).end(1006);
    clock.pass(1000);

    assert.equal(sockets.length, 5);
  });

  it("does not hammer a server that lets it in and throws it out", () => {
    const { sockets, clock } = opened({ random: () => 1 });
    for (const wait of [1000, 2000, 4000]) {
      const count = sockets.length;
      sockets.at(-1).accept(0);
      sockets.at(-1).end(1011);
      clock.pass(wait - 100);
      assert.equal(sockets.length, count);
      clock.pass(100);
      assert.equal(sockets.length, count + 1);
    }
  });

  it("keeps a short absence to itself", () => {
    const { live, sockets, clock } = opened();
    const states = collecting(live, "state");
    sockets[0].accept(0);

    sockets[0].end(1012);
    clock.pass(1000);
    sockets[1].accept(0);
    clock.pass(10_000);

    assert.deepEqual(states.map(({ detail }) => detail), ["live"]);
  });

  it("says that it is reconnecting after five seconds without a connection", () => {
    const { live, sockets, clock } = opened();
    sockets[0].accept(0);

    sockets[0].end(1006);
    clock.pass(4900);
    assert.equal(live.state, "live");
    clock.pass(100);

    assert.equal(live.state, "reconnecting");
  });

  it("comes back at once when the network does, or the reader", () => {
    for (const sign of ["online", "visibilitychange"]) {
      const { sockets, clock, page } = opened({ random: () => 1 });
      sockets[0].accept(0);
      sockets[0].end(1006);

      page.dispatchEvent(new Event(sign));
      assert.equal(sockets.length, 2, sign);
      clock.pass(2000);

      assert.equal(sockets.length, 2, "the wait goes on");
    }
  });

  it("does not start a second connection while one is being made", () => {
    const { sockets, page } = opened();

    page.dispatchEvent(new Event("online"));

    assert.equal(sockets.length, 1);
  });

  it("asks a silent server whether it is there, and believes the answer", () => {
    const { live, sockets, clock } = opened();
    sockets[0].accept(0);

    clock.pass(30_000);
    assert.deepEqual(sockets[0].sent, [{ action: "ping", payload: null }]);
    sockets[0].sendFrame({ action: "pong", payload: null });
    clock.pass(20_000);

    assert.equal(live.state, "live");
    assert.equal(sockets.length, 1);
  });

  it("does not ask while frames come", () => {
    const { sockets, clock } = opened();
    sockets[0].accept(0);

    for (let second = 0; second < 60; second += 10) {
      clock.pass(10_000);
      sockets[0].sendFrame({ action: "typing", payload: {} });
    }

    assert.deepEqual(sockets[0].sent, []);
  });

  it("gives up on a server that does not answer", () => {
    const { sockets, clock } = opened();
    sockets[0].accept(0);

    clock.pass(41_000);

    assert.equal(sockets[0].isClosed, true);
    assert.equal(sockets.length, 2);
  });

  it("does not wait for ever for a connection to be made", () => {
    const { sockets, clock } = opened();

    clock.pass(31_000);

    assert.equal(sockets[0].isClosed, true);
    assert.equal(sockets.length, 2);
  });

  it("asks after the machine has slept", () => {
    const { sockets, clock } = opened();
    sockets[0].accept(0);

    clock.sleep(20_000);
    clock.pass(0);

    assert.deepEqual(sockets[0].sent, [{ action: "ping", payload: null }]);
  });

  it("does not listen to a socket it has given up", () => {
    const { live, sockets, clock } = opened({ since: 0 });
    const events = collecting(live, "member_message");
    sockets[0].accept(0);
    clock.pass(41_000);

    sockets[0].sendFrame({ action: "member_message", payload: {}, seq: 1 });
    sockets[0].end(4403);

    assert.equal(events.length, 0);
    assert.notEqual(live.state, "refused");
  });

  it("lets go while the page is in the browser's cache, and takes up again from there", () => {
    const { sockets, clock, page } = opened({ since: 5 });
    sockets[0].accept(5);
    sockets[0].sendFrame({ action: "member_message", payload: {}, seq: 6 });

    page.dispatchEvent(new Event("pagehide"));
    clock.pass(600_000);
    assert.equal(sockets[0].isClosed, true);
    assert.equal(sockets.length, 1);
    page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));

    assert.match(sockets[1].url, /since=6$/);
  });

  it("sends nothing before it was let in", () => {
    const { live, sockets } = opened();

    assert.equal(live.send("typing"), false);
    sockets[0].accept(0);

    assert.equal(live.send("typing", { isTyping: true }), true);
    assert.deepEqual(sockets[0].sent, [{ action: "typing", payload: { isTyping: true } }]);
  });

  it("stays closed when it is closed", () => {
    const { live, sockets, clock, page } = opened();
    sockets[0].accept(0);

    live.close();
    clock.pass(60_000);
    page.dispatchEvent(new Event("online"));
    page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));

    assert.equal(sockets[0].isClosed, true);
    assert.equal(sockets.length, 1);
  });
});

function opened({ since = null, random = () => 0.5, href = "http://sandbox.example/assistants/1/", account } = {}) {
  const sockets = [];
  const clock = new Clock();
  const document = { visibilityState: "visible", documentElement: { dataset: { account } } };
  const page = Object.assign(new EventTarget(), { location: { href }, document });
  class WebSocket extends FakeSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  }
  const live = new LiveSocket("/ws/assistants/1/", { since, WebSocket, page, clock, random }).open();
  return { live, sockets, clock, page };
}

function collecting(live, action) {
  const events = [];
  live.addEventListener(action, ({ detail, seq }) => events.push({ detail, seq }));
  return events;
}

class FakeSocket extends EventTarget {
  sent = [];
  isClosed = false;

  constructor(url) {
    super();
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  sendFrame(frame) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
  }

  accept(seq) {
    this.sendFrame({ action: "authentication", payload: { statusCode: 200, statusText: "OK", data: { detail: "OK", seq } } });
  }

  end(code) {
    this.isClosed = true;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

// A fake clock that the test advances.
class Clock {
  #now = 1_000_000;
  #jobs = new Map();
  #last = 0;

  now() {
    return this.#now;
  }

  setTimeout(job, delay) {
    this.#last += 1;
    this.#jobs.set(this.#last, { job, at: this.#now + delay });
    return this.#last;
  }

  clearTimeout(timer) {
    this.#jobs.delete(timer);
  }

  pass(milliseconds) {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#jobs.delete(next.timer);
      this.#now = Math.max(this.#now, next.at);
      next.job();
    }
    this.#now = end;
  }

  // Advances the clock without running timers, so that due timers are late.
  sleep(milliseconds) {
    this.#now += milliseconds;
  }

  #next(end) {
    const due = [...this.#jobs].map(([timer, { job, at }]) => ({ timer, job, at })).filter(({ at }) => at <= end);
    return due.sort((one, other) => one.at - other.at)[0];
  }
}
