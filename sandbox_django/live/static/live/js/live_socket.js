// A socket that reconnects by itself and sends its position in the feed, so that no event is missed or received twice.
//
// It dispatches each frame as an event named after the frame's action: `detail` is the payload, and `seq` the sequence
// number in the feed, or null. The event "resync" means that the server can't replay the missed events, so the page
// must fetch again. The event "state" has one of these details: "connecting", "live", "reconnecting" (after some
// seconds without a connection) and "refused" (the socket stays closed).

const SECOND = 1000;
const FIRST_WAIT = 1 * SECOND;
const LONGEST_WAIT = 30 * SECOND;
const TICK = 5 * SECOND;
const IDLE_TIMEOUT = 25 * SECOND;
const PONG_TIMEOUT = 10 * SECOND;
const GRACE_PERIOD = 5 * SECOND;

const SLOW_CLIENT = 4408;
const TOO_MANY = 4429;

const systemClock = {
  now: () => Date.now(),
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class LiveSocket extends EventTarget {
  #url;
  #since;
  #environment;
  #socket = null;
  #state = "connecting";
  #attempts = 0;
  #receivedAt = 0;
  #pingedAt = null;
  #liveAt = null;
  #watchedAt = 0;
  #retryTimer = null;
  #reconnectTimer = null;
  #watchTimer = null;
  #pageListeners = null;

  constructor(
    url,
    { since = null, WebSocket = globalThis.WebSocket, page = globalThis, clock = systemClock, random = Math.random } = {},
  ) {
    super();
    this.#url = url;
    this.#since = since;
    this.#environment = { WebSocket, page, clock, random };
  }

  get state() {
    return this.#state;
  }

  // The sequence number of the last received event, or the feed's head when the page's rows were read.
  get since() {
    return this.#since;
  }

  open() {
    this.#pageListeners = new AbortController();
    const { page } = this.#environment;
    const until = { signal: this.#pageListeners.signal };
    page.addEventListener("online", () => this.#checkConnection(), until);
    page.addEventListener("visibilitychange", () => this.#isVisible() && this.#checkConnection(), until);
    // A page in the browser's back/forward cache must not hold a socket. It reconnects when it is shown again.
    page.addEventListener("pagehide", () => this.#suspend(), until);
    page.addEventListener("pageshow", (event) => event.persisted && this.#resume(), until);
    this.#resume();
    return this;
  }

  close() {
    this.#pageListeners?.abort();
    this.#suspend();
  }

  // Returns whether the frame was sent. Frames are not kept for the next connection.
  send(action, payload = null) {
    if (this.#liveAt === null) return false;
    this.#socket.send(JSON.stringify({ action, payload }));
    return true;
  }

  #resume() {
    this.#watchedAt = this.#environment.clock.now();
    this.#watch();
    this.#connect();
  }

  #suspend() {
    const { clock } = this.#environment;
    for (const timer of [this.#retryTimer, this.#reconnectTimer, this.#watchTimer]) clock.clearTimeout(timer);
    this.#retryTimer = this.#reconnectTimer = this.#watchTimer = null;
    this.#dropSocket();
  }

  #connect() {
    const { WebSocket, clock } = this.#environment;
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#reconnectTimer ??= clock.setTimeout(() => this.#setState("reconnecting"), GRACE_PERIOD);
    this.#receivedAt = clock.now();
    const socket = new WebSocket(this.#address());
    this.#socket = socket;
    // Frames of a socket that was replaced are ignored.
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#onClose(code));
  }

  #address() {
    const address = new URL(this.#url, this.#environment.page.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    // The account that the page was rendered for, since another tab may have signed in as another user.
    const account = this.#environment.page.document?.documentElement?.dataset.account;
    if (account) address.searchParams.set("account", account);
    if (this.#since !== null) address.searchParams.set("since", this.#since);
    return address.href;
  }

  #receive({ action, payload, seq = null }) {
    this.#receivedAt = this.#environment.clock.now();
    this.#pingedAt = null;
    if (action === "authentication") this.#onAuthenticated(payload);
    if (action === "resync") this.#since = payload.seq;
    if (seq !== null) {
      if (seq <= this.#since) return;
      if (seq > this.#since + 1) {
        // The server never leaves a gap. If it does because of a bug, reconnecting with our position fills the gap.
        this.#onClose();
        return;
      }
      this.#since = seq;
    }
    const event = new CustomEvent(action, { detail: payload });
    event.seq = seq;
    this.dispatchEvent(event);
  }

  #onAuthenticated({ statusCode, data }) {
    if (statusCode !== 200) return; // The socket is refused. #onClose handles its close code.
    const { clock } = this.#environment;
    this.#since ??= data.seq;
    this.#liveAt = clock.now();
    clock.clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = null;
    this.#setState("live");
  }

  #onClose(code = null) {
    const { clock, random } = this.#environment;
    // Only a connection that lasted resets the delay. A server that accepts and closes at once must not be flooded.
    if (this.#liveAt !== null && clock.now() - this.#liveAt >= GRACE_PERIOD) this.#attempts = 0;
    this.#dropSocket();
    if (isFinal(code)) {
      this.#suspend();
      this.#setState("refused", code);
      return;
    }
    this.#reconnectTimer ??= clock.setTimeout(() => this.#setState("reconnecting"), GRACE_PERIOD);
    // Full jitter, so that a thousand pages that lost the same server don't reconnect in the same second.
    const wait = random() * Math.min(FIRST_WAIT * 2 ** this.#attempts, LONGEST_WAIT);
    this.#attempts += 1;
    this.#retryTimer = clock.setTimeout(() => this.#connect(), code === TOO_MANY ? LONGEST_WAIT + wait : wait);
  }

  #dropSocket() {
    this.#socket?.close();
    this.#socket = this.#pingedAt = this.#liveAt = null;
  }

  // Pings an idle socket, because it may have died without a close frame.
  #watch() {
    const { clock } = this.#environment;
    const now = clock.now();
    const slept = now - this.#watchedAt > 3 * TICK;
    this.#watchedAt = now;
    this.#watchTimer = clock.setTimeout(() => this.#watch(), TICK);
    if (slept) this.#checkConnection();
    else if (this.#isDead(now)) this.#onClose();
    else if (now - this.#receivedAt >= IDLE_TIMEOUT) this.#ping();
  }

  #isDead(now) {
    if (this.#socket === null) return false;
    if (this.#liveAt === null) return now - this.#receivedAt >= IDLE_TIMEOUT;
    return this.#pingedAt !== null && now - this.#pingedAt >= PONG_TIMEOUT;
  }

  // Called when the connection has probably been lost: after sleep, or when the network or the page is back.
  #checkConnection() {
    if (this.#socket === null && this.#retryTimer !== null) this.#connect();
    else this.#ping();
  }

  #ping() {
    if (this.#liveAt === null || this.#pingedAt !== null) return;
    this.#pingedAt = this.#environment.clock.now();
    this.send("ping");
  }

  #isVisible() {
    return this.#environment.page.document?.visibilityState !== "hidden";
  }

  #setState(state, code = null) {
    if (state === this.#state) return;
    this.#state = state;
    const event = new CustomEvent("state", { detail: state });
    event.code = code;
    this.dispatchEvent(event);
  }
}

// With a close code 44xx, this user may not open this socket, so reconnecting is useless. Two of these are temporary.
function isFinal(code) {
  return code >= 4400 && code <= 4499 && code !== SLOW_CLIENT && code !== TOO_MANY;
}
