// The messages of a room that the page has loaded, in order and without duplicates, and those that are being sent.
//
// A message is shown as soon as the user sends it. The POST's response contains the stored message that belongs to the
// row. If the socket's event arrives earlier, it is matched to the row by its text, and the response corrects a wrong
// match.
//
// The page loads only a part of a long room. Messages are numbered within their room without gaps, so the numbers show
// whether there are more messages before or after the loaded ones. `changes` returns only the rows that must be
// redrawn.

const GROUP_WITHIN = 5 * 60 * 1000; // milliseconds, as in chat/timeline.py

export class Timeline {
  #me;
  #dayOf;
  #ids = [];
  #messages = new Map(); // loaded messages by id
  #pending = new Map(); // messages that are being sent, by key, in the order of sending
  #matched = new Map(); // maps a key to its entry and the id of the message with the same text
  #rows = new Map(); // maps a row's key to the id of its message
  #unreadFrom = null;
  #lastNumber = 0;
  #changed = new Set(); // keys of rows to redraw
  #removed = new Set(); // keys of rows to remove

  // `dayOf(moment)` returns the same value for all moments of a day.
  constructor(me, dayOf) {
    this.#me = me;
    this.#dayOf = dayOf;
  }

  get newest() {
    return this.#messages.get(this.#ids.at(-1)) ?? null;
  }

  get oldest() {
    return this.#messages.get(this.#ids[0]) ?? null;
  }

  get newestId() {
    return this.newest?.id ?? null;
  }

  get oldestId() {
    return this.oldest?.id ?? null;
  }

  // The number of loaded messages, without those that are being sent.
  get size() {
    return this.#ids.length;
  }

  get isEmpty() {
    return this.#ids.length === 0 && this.#pending.size === 0;
  }

  // The number of the newest message in the room that the page knows of.
  get lastNumber() {
    return this.#lastNumber;
  }

  get hasEarlier() {
    return this.#ids.length > 0 && this.oldest.number > 1;
  }

  get hasLater() {
    return (this.newest?.number ?? 0) < this.#lastNumber;
  }

  // The number of the first message below the line above unread messages, or null.
  get unreadFrom() {
    return this.#unreadFrom;
  }

  set unreadFrom(number) {
    for (const one of [this.#unreadFrom, number]) {
      const id = this.#ids.find((other) => this.#messages.get(other).number === one);
      if (id !== undefined) this.#changed.add(this.#messages.get(id).row);
    }
    this.#unreadFrom = number;
  }

  message(id) {
    return this.#messages.get(id) ?? null;
  }

  pending(key) {
    return this.#pending.get(key) ?? null;
  }

  // The user's newest message that can still be edited.
  get myLast() {
    const id = this.#ids.findLast((one) => this.#isMine(this.#messages.get(one)) && !this.#messages.get(one).isDeleted);
    return id === undefined ? null : this.#messages.get(id);
  }

  // Records that the room has a message with this number, whether or not it is loaded.
  noteNumber(number) {
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  // Adds a message from the API or the socket, or updates it. Returns whether the message is new here. Ignores a
  // message that would leave a gap before or after the loaded ones.
  put(message) {
    const known = this.#messages.get(message.id);
    if (known) {
      if (isLater(message, known)) this.#set({ ...message, row: known.row });
      return false;
    }
    const isAtEnd = !this.hasLater;
    this.noteNumber(message.number);
    if (!this.#continues(message, isAtEnd)) return false;
    this.#add(message);
    return true;
  }

  // Adds messages that continue the loaded ones at either end, or updates loaded messages.
  add(messages) {
    for (const message of messages) this.put(message);
  }

  // Adds the room's newest messages, which are in ascending order. Ignores those that would leave a gap.
  addNewest(messages) {
    for (const { number } of messages) this.noteNumber(number);
    this.add(messages);
  }

  // Replaces the loaded messages with the room's newest ones, which are in ascending order.
  showNewest(messages) {
    const kept = new Set(messages.map(({ id }) => id));
    for (const id of [...this.#ids]) if (!kept.has(id)) this.#drop(id);
    for (const message of messages) {
      this.noteNumber(message.number);
      if (this.#messages.has(message.id)) this.put(message);
      else this.#add(message);
    }
  }

  // Unloads the `count` oldest messages. They can be loaded again.
  dropOldest(count) {
    for (const id of this.#ids.slice(0, count)) this.#drop(id);
    if (this.#ids.length > 0) this.#changed.add(this.oldest.row);
  }

  dropNewest(count) {
    for (const id of this.#ids.slice(this.#ids.length - count)) this.#drop(id);
  }

  // Adds a message that the server has not confirmed yet.
  addPending(key, content, at, problem = null) {
    this.#pending.set(key, { key, content, at, problem, isUncertain: true });
  }

  retry(key) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem: null });
  }

  // Records that the request failed. With `isUncertain`, the server may have stored the message nevertheless.
  fail(key, problem, { isUncertain }) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem, isUncertain });
  }

  // Records that the server has stored the pending entry `key` as `message`.
  confirmPending(key, message) {
    const matched = this.#matched.get(key);
    this.#matched.delete(key);
    if (matched && matched.id !== message.id) this.#moveToRow(matched.id, `message ${matched.id}`);
    for (const [other, { id, entry }] of this.#matched) {
      if (id !== message.id) continue;
      this.#matched.delete(other);
      this.#pending.set(other, entry);
    }
    this.#pending.delete(key);
    this.#removed.add(key);
    this.put(message);
    this.#moveToRow(message.id, key);
  }

  discard(key) {
    this.#pending.delete(key);
    this.#removed.add(key);
  }

  // The messages that failed, but that another attempt may still send.
  get uncertain() {
    return [...this.#pending.values()].filter(({ problem, isUncertain }) => problem !== null && isUncertain);
  }

  // Returns the changes since the last call: the keys of the rows to remove, and the rows to redraw. These are ordered
  // from bottom to top, each with the key of the row below it. Messages that are being sent appear only below the
  // room's last message.
  changes() {
    const pending = this.hasLater ? [] : [...this.#pending.keys()];
    const hidden = this.hasLater ? [...this.#pending.keys()] : [];
    const changed = [...this.#changed].filter((key) => this.#rows.has(key)).map((key) => this.#rows.get(key));
    changed.sort((one, other) => other - one);
    const rows = [];
    for (let place = pending.length - 1; place >= 0; place -= 1) {
      const above = place > 0 ? this.#pending.get(pending[place - 1]) : this.newest;
      rows.push({ ...this.#row(this.#pending.get(pending[place]), above), below: pending[place + 1] ?? null });
    }
    for (const id of changed) {
      const place = this.#placeOf(id);
      const above = this.#messages.get(this.#ids[place - 1]) ?? null;
      const below = this.#messages.get(this.#ids[place + 1])?.row ?? pending[0] ?? null;
      rows.push({ ...this.#row(this.#messages.get(id), above), below });
    }
    const shown = new Set(pending);
    const removed = [...this.#removed, ...hidden].filter((key) => !this.#rows.has(key) && !shown.has(key));
    this.#changed.clear();
    this.#removed.clear();
    return { removed, rows };
  }

  #row(entry, above) {
    const isPending = entry.row === undefined;
    const at = timeOf(entry);
    const day = this.#dayOf(at);
    const isNewDay = above === null || this.#dayOf(timeOf(above)) !== day;
    const isFirstUnread = !isPending && entry.number === this.#unreadFrom;
    const userId = isPending ? this.#me : entry.userId;
    const isGrouped = above !== null && userId !== null && this.#authorOf(above) === userId && at - timeOf(above) < GROUP_WITHIN;
    return {
      key: isPending ? entry.key : entry.row,
      id: isPending ? null : entry.id,
      userId,
      at,
      entry,
      day: isNewDay ? day : null,
      isFirstUnread,
      begins: isNewDay || isFirstUnread || !isGrouped,
    };
  }

  #authorOf(entry) {
    return entry.row === undefined ? this.#me : entry.userId;
  }

  #continues({ number }, isAtEnd) {
    if (this.#ids.length === 0) return true;
    if (number > this.newest.number) return isAtEnd || number === this.newest.number + 1;
    return number >= this.oldest.number - 1;
  }

  #add(message) {
    const key = this.#pendingKeyOf(message);
    if (key) {
      this.#matched.set(key, { id: message.id, entry: this.#pending.get(key) });
      this.#pending.delete(key);
    }
    this.#insert({ ...message, row: key ?? `message ${message.id}` });
  }

  // If several entries have the same text, returns the oldest, since they were sent in this order.
  #pendingKeyOf(message) {
    if (!this.#isMine(message)) return null;
    for (const { key, content, problem, isUncertain } of this.#pending.values()) {
      if (content === message.content && (problem === null || isUncertain)) return key;
    }
    return null;
  }

  #insert(message) {
    let place = this.#ids.length;
    while (place > 0 && this.#ids[place - 1] > message.id) place -= 1;
    this.#ids.splice(place, 0, message.id);
    this.#set(message);
    this.#touch(this.#ids[place + 1]);
  }

  #drop(id) {
    const { row } = this.#messages.get(id);
    const place = this.#placeOf(id);
    this.#ids.splice(place, 1);
    this.#messages.delete(id);
    this.#rows.delete(row);
    this.#removed.add(row);
    this.#touch(this.#ids[place]);
  }

  #moveToRow(id, row) {
    const message = this.#messages.get(id);
    if (!message) return;
    this.#rows.delete(message.row);
    this.#removed.add(message.row);
    this.#set({ ...message, row });
  }

  #set(message) {
    this.#messages.set(message.id, message);
    this.#rows.set(message.row, message.id);
    this.#changed.add(message.row);
  }

  #touch(id) {
    if (id !== undefined) this.#changed.add(this.#messages.get(id).row);
  }

  #placeOf(id) {
    let from = 0;
    let to = this.#ids.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#ids[middle] < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #isMine(message) {
    return message.userId === this.#me;
  }
}

function timeOf(entry) {
  return entry.row === undefined ? entry.at : new Date(entry.createdAt);
}

// Returns whether `message` replaces `known`. The later version does, even if it arrives first; a deleted message stays
// deleted.
function isLater(message, known) {
  if (known.isDeleted) return false;
  return message.isDeleted || new Date(message.updatedAt) >= new Date(known.updatedAt);
}
