// Keeps an unsent text in the browser, so that it survives a reload.

import { StoredText } from "./stored_text.js";

export class Draft {
  #stored;

  constructor(name, store) {
    this.#stored = new StoredText(`draft ${name}`, store);
  }

  read() {
    return this.#stored.read();
  }

  keep(text) {
    this.#stored.write(text.trim() ? text : "");
  }
}
