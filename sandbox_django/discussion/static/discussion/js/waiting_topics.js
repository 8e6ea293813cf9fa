// Counts new topics on a bar until the user asks to see them.

import { plural } from "./plural.js";

export class WaitingTopics {
  #bar;
  #ids = new Set();

  constructor(bar) {
    this.#bar = bar;
  }

  add(id) {
    this.#ids.add(id);
    this.#show();
  }

  remove(id) {
    this.#ids.delete(id);
    this.#show();
  }

  // Hides the bar and returns the topics' ids. Topics that are created later show the bar again.
  take() {
    const taken = [...this.#ids];
    this.#ids.clear();
    this.#show();
    return taken;
  }

  #show() {
    this.#bar.hidden = this.#ids.size === 0;
    this.#bar.textContent = `${this.#ids.size} new ${plural(this.#ids.size, "topic")}`;
  }
}
