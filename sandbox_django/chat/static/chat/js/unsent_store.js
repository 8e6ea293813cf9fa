// What was sent and has not arrived, kept in this browser so that a reload does not cost it.

export class UnsentStore {
  #name;
  #store;

  constructor(name, store = () => globalThis.localStorage) {
    this.#name = name;
    this.#store = store;
  }

  get name() {
    return this.#name;
  }

  // [{ key, content, at, problem }], in the order of sending; `problem` is null for what was on its way.
  all() {
    try {
      return JSON.parse(this.#store().getItem(this.#name)) ?? [];
    } catch {
      return []; // nothing may be kept here, or it is not ours
    }
  }

  put(entry) {
    const all = this.all();
    const place = all.findIndex(({ key }) => key === entry.key);
    if (place < 0) all.push(entry);
    else all[place] = entry;
    this.#keep(all);
  }

  remove(key) {
    this.#keep(this.all().filter((entry) => entry.key !== key));
  }

  #keep(all) {
    try {
      if (all.length > 0) this.#store().setItem(this.#name, JSON.stringify(all));
      else this.#store().removeItem(this.#name);
    } catch {
      // Full, or forbidden: it is still on the page.
    }
  }
}
