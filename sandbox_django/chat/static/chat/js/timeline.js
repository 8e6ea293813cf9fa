// What was said in a room, in order: each message once, whichever way it comes, and what is still on its way below.
//
// What I send is a row at once. The answer to its POST names the message it became; the socket may tell of it earlier,
// without saying so. Then the words are compared, and the answer, which knows, corrects that.

const TOGETHER = 5 * 60 * 1000; // timeline.py

export class Timeline {
  #me;
  #ids = [];
  #messages = new Map(); // by id
  #pending = new Map(); // by key, in the order of sending
  #taken = new Map(); // by key: what was pending, and the id of the message that seems to be it
  #unreadFrom = null;

  constructor(me) {
    this.#me = me;
  }

  get newestId() {
    return this.#ids.at(-1) ?? 0;
  }

  get oldestId() {
    return this.#ids[0] ?? null;
  }

  get isEmpty() {
    return this.#ids.length === 0 && this.#pending.size === 0;
  }

  // The first message that stands below the line, if there is one.
  get unreadFrom() {
    return this.#unreadFrom;
  }

  set unreadFrom(id) {
    this.#unreadFrom = id;
  }

  message(id) {
    return this.#messages.get(id) ?? null;
  }

  pending(key) {
    return this.#pending.get(key) ?? null;
  }

  // The last one that I can still change.
  get myLast() {
    const id = this.#ids.findLast((one) => this.#isMine(this.#messages.get(one)) && !this.#messages.get(one).isDeleted);
    return id === undefined ? null : this.#messages.get(id);
  }

  // A message as the API or the socket tells it; says whether it is new here.
  put(message) {
    const known = this.#messages.get(message.id);
    if (known) {
      if (isLater(message, known)) this.#messages.set(message.id, { ...message, row: known.row });
      return false;
    }
    const key = this.#keyOfThis(message);
    if (key) {
      this.#taken.set(key, { id: message.id, entry: this.#pending.get(key) });
      this.#pending.delete(key);
    }
    this.#insert({ ...message, row: key ?? `message ${message.id}` });
    return true;
  }

  // I said something that the server does not know yet.
  begin(key, content, at, problem = null) {
    this.#pending.set(key, { key, content, at, problem, isUncertain: true });
  }

  again(key) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem: null });
  }

  // It did not get through. `isUncertain`: it may have arrived all the same.
  fail(key, problem, { isUncertain }) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem, isUncertain });
  }

  // The server says which message it became.
  arrive(key, message) {
    const taken = this.#taken.get(key);
    this.#taken.delete(key);
    if (taken && taken.id !== message.id) this.#give(taken.id, `message ${taken.id}`);
    for (const [other, { id, entry }] of this.#taken) {
      if (id !== message.id) continue;
      this.#taken.delete(other);
      this.#pending.set(other, entry);
    }
    this.#pending.delete(key);
    this.put(message);
    this.#give(message.id, key);
  }

  discard(key) {
    this.#pending.delete(key);
  }

  // Whoever wrote it, by their key: what failed in a way that another try may mend.
  get uncertain() {
    return [...this.#pending.values()].filter(({ problem, isUncertain }) => problem !== null && isUncertain);
  }

  // What stands on the page, from top to bottom: lines between days, the line above the unread, and messages.
  items(dayOf) {
    const items = [];
    let last = null;
    for (const entry of [...this.#ids.map((id) => this.#messages.get(id)), ...this.#pending.values()]) {
      const row = this.#rowOf(entry);
      row.day = dayOf(row.at);
      const isNewDay = last?.day !== row.day;
      const isFirstUnread = row.id !== null && row.id === this.#unreadFrom;
      if (isNewDay) items.push({ kind: "day", key: `day ${row.day}`, day: row.day });
      if (isFirstUnread) items.push({ kind: "unread", key: "unread" });
      row.begins = isNewDay || isFirstUnread || !belongTogether(last, row);
      items.push(row);
      last = row;
    }
    return items;
  }

  #rowOf(entry) {
    if (entry.row === undefined) {
      return { kind: "message", key: entry.key, id: null, userId: this.#me, at: entry.at, entry };
    }
    return { kind: "message", key: entry.row, id: entry.id, userId: entry.userId, at: new Date(entry.createdAt), entry };
  }

  // Of several with the same words the oldest: they were sent in this order.
  #keyOfThis(message) {
    if (!this.#isMine(message)) return null;
    for (const { key, content, problem, isUncertain } of this.#pending.values()) {
      if (content === message.content && (problem === null || isUncertain)) return key;
    }
    return null;
  }

  #insert(message) {
    this.#messages.set(message.id, message);
    let place = this.#ids.length;
    while (place > 0 && this.#ids[place - 1] > message.id) place -= 1;
    this.#ids.splice(place, 0, message.id);
  }

  #give(id, row) {
    this.#messages.set(id, { ...this.#messages.get(id), row });
  }

  #isMine(message) {
    return message.userId === this.#me;
  }
}

function belongTogether(last, row) {
  return last !== null && row.userId !== null && last.userId === row.userId && row.at - last.at < TOGETHER;
}

// What is gone stays gone; otherwise the later version counts, however late it comes.
function isLater(message, known) {
  if (known.isDeleted) return false;
  return message.isDeleted || new Date(message.updatedAt) >= new Date(known.updatedAt);
}
