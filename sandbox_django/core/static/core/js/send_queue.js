// Sends one text at a time. A text that is sent again has the same key, so that the server stores it only once.

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

  // Returns whether the text was delivered. A call while another text is being sent does nothing.
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
