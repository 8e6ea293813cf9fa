// Sends one text at a time, and the same text under the same key, so that trying again never says it twice.

import { newKey } from "./api.js";

export class SendQueue {
  #deliver;
  #makeKey;
  #pending = null;
  #isBusy = false;

  constructor(deliver, makeKey = newKey) {
    this.#deliver = deliver;
    this.#makeKey = makeKey;
  }

  get isBusy() {
    return this.#isBusy;
  }

  // Says whether the text has arrived; a second call while the first is on its way does nothing.
  async send(text) {
    if (this.#isBusy) return false;
    if (this.#pending?.text !== text) this.#pending = { text, key: this.#makeKey() };
    this.#isBusy = true;
    try {
      await this.#deliver(text, this.#pending.key);
      this.#pending = null;
      return true;
    } finally {
      this.#isBusy = false;
    }
  }
}
