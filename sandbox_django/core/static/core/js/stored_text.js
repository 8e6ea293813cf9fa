// Stores a text in the browser's storage under a name.

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

  // Stores a text; an empty text removes the entry.
  write(text) {
    this.#attempt((store) => (text ? store.setItem(this.#name, text) : store.removeItem(this.#name)));
  }

  // Ignores errors: a browser may refuse access to its storage, or the storage may be full. Then nothing is stored.
  #attempt(job) {
    try {
      return job(this.#store());
    } catch {
      return null;
    }
  }
}
