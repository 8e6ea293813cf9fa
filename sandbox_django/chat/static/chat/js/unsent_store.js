// The messages that were sent and are not stored on the server yet, kept in this browser over a reload.

export class UnsentStore {
  #stored;

  // `stored` is a StoredText.
  constructor(stored) {
    this.#stored = stored;
  }

  get name() {
    return this.#stored.name;
  }

  // [{ key, content, at, problem }] in the order of sending; `problem` is null for a message that was being sent.
  all() {
    try {
      return JSON.parse(this.#stored.read()) ?? [];
    } catch {
      return []; // empty, or changed by another program
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
