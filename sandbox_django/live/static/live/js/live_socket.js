// A socket that comes back by itself and says what it already has, so that nothing is missed and nothing told twice.
//
// Each frame becomes an event named after its action: `detail` is the payload, `seq` its number in the feed (if any).
// Besides: "resync" when the server cannot fill the gap (fetch everything again), and "state", whose detail is one of
// "connecting", "live", "reconnecting" (only after some seconds without a connection) and "refused" (it stays closed).

const SECOND = 1000;
const FIRST_WAIT = 1 * SECOND;
const LONGEST_WAIT = 30 * SECOND;
const TICK = 5 * SECOND;
const SILENCE = 25 * SECOND;
const PATIENCE = 10 * SECOND;
const UNNOTICED = 5 * SECOND;

const SLOW_CLIENT = 4408;
const TOO_MANY = 4429;

const clockOnTheWall = {
  now: () => Date.now(),
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class LiveSocket extends EventTarget {
  #url;
  #since;
  #world;
  #socket = null;
  #state = "connecting";
  #attempts = 0;
  #heardAt = 0;
  #askedAt = null;
  #liveAt = null;
  #tickedAt = 0;
  #retry = null;
  #notice = null;
  #tick = null;
  #leaving = null;

  constructor(
    url,
    { since = null, WebSocket = globalThis.WebSocket, page = globalThis, clock = clockOnTheWall, random = Math.random } = {},
  ) {
    super();
    this.#url = url;
    this.#since = since;
    this.#world = { WebSocket, page, clock, random };
  }

  get state() {
    return this.#state;
  }

  // The number of the last fact heard, or of the page's own rows.
  get since() {
    return this.#since;
  }

  open() {
    this.#leaving = new AbortController();
    const { page } = this.#world;
    const until = { signal: this.#leaving.signal };
    page.addEventListener("online", () => this.#makeSure(), until);
    page.addEventListener("visibilitychange", () => this.#isSeen() && this.#makeSure(), until);
    // A page that goes back into the browser's cache must not hold a socket; it takes up where it was when shown again.
    page.addEventListener("pagehide", () => this.#rest(), until);
    page.addEventListener("pageshow", (event) => event.persisted && this.#wake(), until);
    this.#wake();
    return this;
  }

  close() {
    this.#leaving?.abort();
    this.#rest();
  }

  // Says whether it was sent; what is typed into a dead connection is not kept.
  send(action, payload = null) {
    if (this.#liveAt === null) return false;
    this.#socket.send(JSON.stringify({ action, payload }));
    return true;
  }

  #wake() {
    this.#tickedAt = this.#world.clock.now();
    this.#watch();
    this.#connect();
  }

  #rest() {
    const { clock } = this.#world;
    for (const timer of [this.#retry, this.#notice, this.#tick]) clock.clearTimeout(timer);
    this.#retry = this.#notice = this.#tick = null;
    this.#abandon();
  }

  #connect() {
    const { WebSocket, clock } = this.#world;
    clock.clearTimeout(this.#retry);
    this.#retry = null;
    this.#notice ??= clock.setTimeout(() => this.#become("reconnecting"), UNNOTICED);
    this.#heardAt = clock.now();
    const socket = new WebSocket(this.#address());
    this.#socket = socket;
    // An abandoned socket may still speak: nobody listens.
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#lose(code));
  }

  #address() {
    const address = new URL(this.#url, this.#world.page.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    // The account that the page was rendered for: another tab may have signed in as someone else.
    const account = this.#world.page.document?.documentElement?.dataset.account;
    if (account) address.searchParams.set("account", account);
    if (this.#since !== null) address.searchParams.set("since", this.#since);
    return address.href;
  }

  #receive({ action, payload, seq = null }) {
    this.#heardAt = this.#world.clock.now();
    this.#askedAt = null;
    if (action === "authentication") this.#enter(payload);
    if (action === "resync") this.#since = payload.seq;
    if (seq !== null) {
      if (seq <= this.#since) return;
      if (seq > this.#since + 1) {
        // The server fills gaps before we see them. Should it ever not, coming back with what we have does.
        this.#lose();
        return;
      }
      this.#since = seq;
    }
    const event = new CustomEvent(action, { detail: payload });
    event.seq = seq;
    this.dispatchEvent(event);
  }

  #enter({ statusCode, data }) {
    if (statusCode !== 200) return; // Refused: the closing code says what to do.
    const { clock } = this.#world;
    this.#since ??= data.seq;
    this.#liveAt = clock.now();
    clock.clearTimeout(this.#notice);
    this.#notice = null;
    this.#become("live");
  }

  #lose(code = null) {
    const { clock, random } = this.#world;
    // Not at the first sign of life: a server that lets us in and throws us out again is left in peace.
    if (this.#liveAt !== null && clock.now() - this.#liveAt >= UNNOTICED) this.#attempts = 0;
    this.#abandon();
    if (isFinal(code)) {
      this.#rest();
      this.#become("refused", code);
      return;
    }
    this.#notice ??= clock.setTimeout(() => this.#become("reconnecting"), UNNOTICED);
    // Full jitter: a thousand pages that lost the same server do not come back in the same second.
    const wait = random() * Math.min(FIRST_WAIT * 2 ** this.#attempts, LONGEST_WAIT);
    this.#attempts += 1;
    this.#retry = clock.setTimeout(() => this.#connect(), code === TOO_MANY ? LONGEST_WAIT + wait : wait);
  }

  #abandon() {
    this.#socket?.close();
    this.#socket = this.#askedAt = this.#liveAt = null;
  }

  // A socket that has died without a word looks like one on which nothing happens: ask.
  #watch() {
    const { clock } = this.#world;
    const now = clock.now();
    const slept = now - this.#tickedAt > 3 * TICK;
    this.#tickedAt = now;
    this.#tick = clock.setTimeout(() => this.#watch(), TICK);
    if (slept) this.#makeSure();
    else if (this.#isDead(now)) this.#lose();
    else if (now - this.#heardAt >= SILENCE) this.#ask();
  }

  #isDead(now) {
    if (this.#socket === null) return false;
    if (this.#liveAt === null) return now - this.#heardAt >= SILENCE;
    return this.#askedAt !== null && now - this.#askedAt >= PATIENCE;
  }

  // Something happened that connections often do not survive.
  #makeSure() {
    if (this.#socket === null && this.#retry !== null) this.#connect();
    else this.#ask();
  }

  #ask() {
    if (this.#liveAt === null || this.#askedAt !== null) return;
    this.#askedAt = this.#world.clock.now();
    this.send("ping");
  }

  #isSeen() {
    return this.#world.page.document?.visibilityState !== "hidden";
  }

  #become(state, code = null) {
    if (state === this.#state) return;
    this.#state = state;
    const event = new CustomEvent("state", { detail: state });
    event.code = code;
    this.dispatchEvent(event);
  }
}

// 44xx: not this person, not this place; asking again changes nothing. The two exceptions are about now, not about who.
function isFinal(code) {
  return code >= 4400 && code <= 4499 && code !== SLOW_CLIENT && code !== TOO_MANY;
}
