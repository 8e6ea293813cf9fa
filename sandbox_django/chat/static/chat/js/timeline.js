// The messages of a room that the page has loaded, each once and in order, and those that are being sent.
//
// A message is shown as soon as the user sends it. The response to its POST names the stored message. The socket's event
// may arrive first, and doesn't name the row: then their texts are compared, and the response corrects a wrong match.
//
// A long room is loaded in part. Messages are numbered within their room without gaps, so the numbers show whether there
// are more before and after those that are loaded. `changes` lists only the rows that have to be drawn again.

const GROUP_WITHIN = 5 * 60 * 1000; // milliseconds, as in chat/timeline.py

export class Timeline {
  #me;
  #dayOf;
  #ids = [];
  #messages = new Map(); // by id
  #pending = new Map(); // by key, in the order of sending
  #matched = new Map(); // by key: the pending entry, and the id of the message with the same text
  #rows = new Map(); // by row key: the id of its message
  #unreadFrom = null;
  #lastNumber = 0;
  #changed = new Set(); // row keys
  #removed = new Set(); // row keys

  // `dayOf(moment)`: the same for all moments of a day.
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

  // Stored messages only, without those that are being sent.
  get size() {
    return this.#ids.length;
  }

  get isEmpty() {
    return this.#ids.length === 0 && this.#pending.size === 0;
  }

  // The number of the room's newest message, as far as the page knows.
  get lastNumber() {
    return this.#lastNumber;
  }

  get hasEarlier() {
    return this.#ids.length > 0 && this.oldest.number > 1;
  }

  get hasLater() {
    return (this.newest?.number ?? 0) < this.#lastNumber;
  }

  // The number of the first message below the line, if there is one.
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

  // There is a message of this number, loaded or not.
  noteNumber(number) {
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  // A message from the API or the socket. Returns whether it is new here. One that would leave a gap before or after the
  // loaded ones is not taken in.
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

  // Messages next to those that are loaded, or newer versions of them. They may come from either end on.
  add(messages) {
    for (const message of messages) this.put(message);
  }

  // The room's newest messages, the last one last. Those that would leave a gap are not taken in.
  addNewest(messages) {
    for (const { number } of messages) this.noteNumber(number);
    this.add(messages);
  }

  // Replaces what is loaded with the room's newest messages, the last one last.
  showNewest(messages) {
    const kept = new Set(messages.map(({ id }) => id));
    for (const id of [...this.#ids]) if (!kept.has(id)) this.#drop(id);
    for (const message of messages) {
      this.noteNumber(message.number);
      if (this.#messages.has(message.id)) this.put(message);
      else this.#add(message);
    }
  }

  // Unload so many messages at one side; they can be loaded again.
  dropOldest(count) {
    for (const id of this.#ids.slice(0, count)) this.#drop(id);
    if (this.#ids.length > 0) this.#changed.add(this.oldest.row);
  }

  dropNewest(count) {
    for (const id of this.#ids.slice(this.#ids.length - count)) this.#drop(id);
  }

  // A message that the server has not confirmed yet.
  addPending(key, content, at, problem = null) {
    this.#pending.set(key, { key, content, at, problem, isUncertain: true });
  }

  retry(key) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem: null });
  }

  // The request failed. `isUncertain`: the message may have been stored all the same.
  fail(key, problem, { isUncertain }) {
    const entry = this.#pending.get(key);
    if (entry) this.#pending.set(key, { ...entry, problem, isUncertain });
  }

  // The server has stored it, as this message.
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

  // Those that failed in a way that another attempt may solve.
  get uncertain() {
    return [...this.#pending.values()].filter(({ problem, isUncertain }) => problem !== null && isUncertain);
  }

  // The changes since the last call: the keys of removed rows, and the rows that have to be drawn again, from bottom to
  // top, each with the key of the row below it. Messages that are being sent are shown below the room's last one only.
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

  // Of several with the same text the oldest: they were sent in this order.
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

// A deleted message stays deleted. Otherwise the later version counts, also when it arrives first.
function isLater(message, known) {
  if (known.isDeleted) return false;
  return message.isDeleted || new Date(message.updatedAt) >= new Date(known.updatedAt);
}
