// Sends one message after the other, each under its own key: however often it is tried, it is said once.

// As long as the server is sure to remember a key (core/idempotency.py), and some hours less.
const SURE_FOR = 12 * 60 * 60 * 1000;
const TOO_OLD = "This was not sent.";

export class Sender {
  #deliver;
  #unsent;
  #told;
  #makeKey;
  #now;
  #failed = new Map(); // by key: in this page's memory too, since a browser may refuse to keep anything
  #queue = [];
  #isBusy = false;
  #isClosed = false;

  // `deliver(content, key)` resolves with the message. `told` hears `began`, `arrived` and `failed`.
  constructor(deliver, unsent, told, { makeKey, now = () => new Date() }) {
    this.#deliver = deliver;
    this.#unsent = unsent;
    this.#told = told;
    this.#makeKey = makeKey;
    this.#now = now;
  }

  send(content) {
    const entry = this.keep(content);
    this.#told.began(entry);
    this.#enqueue(entry);
  }

  // For the next page to send.
  keep(content) {
    const entry = { key: this.#makeKey(), content, at: this.#now().toISOString(), problem: null };
    this.#unsent.put(entry);
    return entry;
  }

  // What the last page could not finish: what was on its way goes on, what had failed waits for a decision.
  resume() {
    for (const kept of this.#unsent.all()) {
      const isOld = this.#now() - new Date(kept.at) > SURE_FOR;
      const entry = { ...kept, problem: kept.problem ?? (isOld ? TOO_OLD : null) };
      this.#told.began(entry);
      if (entry.problem === null) this.#enqueue(entry);
      else this.#failed.set(entry.key, entry);
    }
  }

  again(key) {
    const entry = this.#failed.get(key);
    if (entry === undefined) return;
    this.#failed.delete(key);
    const anew = { ...entry, problem: null };
    this.#unsent.put(anew);
    this.#enqueue(anew);
  }

  discard(key) {
    this.#failed.delete(key);
    this.#unsent.remove(key);
  }

  close() {
    this.#isClosed = true;
  }

  async #enqueue(entry) {
    this.#queue.push(entry);
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#queue.length > 0 && !this.#isClosed) {
      await this.#try(this.#queue[0]);
      this.#queue.shift();
    }
    this.#isBusy = false;
  }

  async #try({ key, content, at }) {
    try {
      const message = await this.#deliver(content, key);
      this.#unsent.remove(key);
      this.#told.arrived(key, message);
    } catch (error) {
      const failed = { key, content, at, problem: this.#told.failed(key, error) };
      this.#failed.set(key, failed);
      this.#unsent.put(failed);
    }
  }
}
