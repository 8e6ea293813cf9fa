// Sends one message after the other. Each has its own key, so that repeated attempts store it only once.

// The server keeps a key for some hours longer than this (core/idempotency.py).
const SURE_FOR = 12 * 60 * 60 * 1000;
const TOO_OLD = "This was not sent.";

export class MessageSender {
  #deliver;
  #unsentStore;
  #callbacks;
  #makeKey;
  #now;
  #failed = new Map(); // by key; also in memory, since the browser may refuse to store it
  #queue = [];
  #isBusy = false;
  #isClosed = false;

  // `deliver(content, key)` resolves with the stored message. `callbacks` has `started`, `arrived` and `failed`.
  constructor(deliver, unsent, callbacks, { makeKey, now = () => new Date() }) {
    this.#deliver = deliver;
    this.#unsentStore = unsent;
    this.#callbacks = callbacks;
    this.#makeKey = makeKey;
    this.#now = now;
  }

  send(content) {
    const entry = this.keep(content);
    this.#callbacks.started(entry);
    this.#enqueue(entry);
  }

  // Stores a message that the next page will send.
  keep(content) {
    const entry = { key: this.#makeKey(), content, at: this.#now().toISOString(), problem: null };
    this.#unsentStore.put(entry);
    return entry;
  }

  // Sends the messages that the last page was sending. Messages that had failed wait for the user.
  resume() {
    for (const kept of this.#unsentStore.all()) {
      const isOld = this.#now() - new Date(kept.at) > SURE_FOR;
      const entry = { ...kept, problem: kept.problem ?? (isOld ? TOO_OLD : null) };
      this.#callbacks.started(entry);
      if (entry.problem === null) this.#enqueue(entry);
      else this.#failed.set(entry.key, entry);
    }
  }

  retry(key) {
    const entry = this.#failed.get(key);
    if (entry === undefined) return;
    this.#failed.delete(key);
    const retried = { ...entry, problem: null };
    this.#unsentStore.put(retried);
    this.#enqueue(retried);
  }

  discard(key) {
    this.#failed.delete(key);
    this.#unsentStore.remove(key);
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
      this.#unsentStore.remove(key);
      this.#callbacks.arrived(key, message);
    } catch (error) {
      const failed = { key, content, at, problem: this.#callbacks.failed(key, error) };
      this.#failed.set(key, failed);
      this.#unsentStore.put(failed);
    }
  }
}
