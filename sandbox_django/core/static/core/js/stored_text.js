// A text in this browser's storage, under one name.

export class StoredText {
  #name;
  #store;

  constructor(name, store = () => globalThis.localStorage) {
    this.#name = name;
    this.#store = store;
  }

  get name() {
    return this.#name;
  }

  read() {
    return this.#attempt((store) => store.getItem(this.#name)) ?? "";
  }

  // An empty text is removed.
  write(text) {
    this.#attempt((store) => (text ? store.setItem(this.#name, text) : store.removeItem(this.#name)));
  }

  // A browser may refuse access to its storage, and the storage may be full: then the text is on the page only.
  #attempt(job) {
    try {
      return job(this.#store());
    } catch {
      return null;
    }
  }
}
