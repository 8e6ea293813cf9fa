// Keeps messages that the server hasn't stored yet in this browser, over a reload of the page.

export class UnsentStore {
  #stored;

  // `stored` is a StoredText.
  constructor(stored) {
    this.#stored = stored;
  }

  get name() {
    return this.#stored.name;
  }

  // Returns [{ key, content, at, problem }] in the order of sending. `problem` is null while a message is being sent.
  all() {
    try {
      return JSON.parse(this.#stored.read()) ?? [];
    } catch {
      return []; // the store is empty, or another program has changed it
    }
  }

  put(entry) {
    const all = this.all();
    const place = all.findIndex(({ key }) => key === entry.key);
    if (place < 0) all.push(entry);
    else all[place] = entry;
    this.#write(all);
  }

  remove(key) {
    this.#write(this.all().filter((entry) => entry.key !== key));
  }

  #write(all) {
    this.#stored.write(all.length > 0 ? JSON.stringify(all) : "");
  }
}
