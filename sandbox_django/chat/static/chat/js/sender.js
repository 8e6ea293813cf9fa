// Sends one message after the other, each under its own key: however often it is tried, it is said once.

import { newKey } from "../../core/js/api.js";

export class Sender {
  #deliver;
  #unsent;
  #told;
  #makeKey;
  #now;
  #queue = [];
  #isBusy = false;
  #isClosed = false;

  // `deliver(content, key)` resolves with the message. `told` hears `began`, `arrived` and `failed`.
  constructor(deliver, unsent, told, { makeKey = newKey, now = () => new Date() } = {}) {
    this.#deliver = deliver;
    this.#unsent = unsent;
    this.#told = told;
    this.#makeKey = makeKey;
    this.#now = now;
  }

  send(content) {
    const entry = { key: this.#makeKey(), content, at: this.#now().toISOString(), problem: null };
    this.#unsent.put(entry);
    this.#told.began(entry);
    this.#enqueue(entry);
  }

  // What the last page could not finish: what was on its way goes on, what had failed waits for a decision.
  resume() {
    for (const entry of this.#unsent.all()) {
      this.#told.began(entry);
      if (entry.problem === null) this.#enqueue(entry);
    }
  }

  again(key) {
    const entry = this.#unsent.all().find((one) => one.key === key) ?? null;
    if (entry === null || this.#queue.some((one) => one.key === key)) return;
    const anew = { ...entry, problem: null };
    this.#unsent.put(anew);
    this.#enqueue(anew);
  }

  discard(key) {
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
      const problem = this.#told.failed(key, error);
      this.#unsent.put({ key, content, at, problem });
    }
  }
}
