// What was written and not sent yet, so that a reload does not cost it. One text under each name, in this browser only.

export class Draft {
  #name;
  #store;

  constructor(name, store = () => globalThis.localStorage) {
    this.#name = `draft ${name}`;
    this.#store = store;
  }

  read() {
    return this.#tryTo((store) => store.getItem(this.#name)) ?? "";
  }

  keep(text) {
    this.#tryTo((store) => (text.trim() ? store.setItem(this.#name, text) : store.removeItem(this.#name)));
  }

  // A browser may refuse to keep anything, already when asked for its store, and a store may be full.
  #tryTo(job) {
    try {
      return job(this.#store());
    } catch {
      return null;
    }
  }
}
