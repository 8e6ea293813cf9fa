// Keeps the content of each row of the room list. It comes from the page's rows, REST and the socket's hints
// (unnumbered frames). This class sends no requests.
//
// Messages are numbered within their room, so the unread count is the difference of two numbers. A hint that arrives
// late is ignored if it is about an older message, or an older version of the same message.

export class RoomSummaries {
  #me;
  #rooms = new Map(); // summaries by room id

  constructor(me) {
    this.#me = me;
  }

  get(id) {
    return this.#rooms.get(id) ?? null;
  }

  // Stores a room from REST or the page. If a newer hint has arrived before, its content stays.
  put({ id, title, updatedAt, lastNumber, lastReadNumber, lastMessage }) {
    const known = this.#rooms.get(id);
    const newest = {
      number: lastNumber,
      excerpt: lastMessage?.words ?? "",
      senderName: lastMessage?.senderName ?? "",
      userId: lastMessage?.userId ?? null,
      isDeleted: lastMessage?.isDeleted ?? false,
      changedAt: null,
    };
    const isNewerKnown = known && isOlder(newest, known.newest);
    return this.#set(id, {
      title,
      updatedAt: isNewerKnown ? known.updatedAt : updatedAt,
      newest: isNewerKnown ? known.newest : newest,
      lastRead: Math.max(lastReadNumber, known?.lastRead ?? 0),
    });
  }

  // Applies a hint. Returns null for a room that isn't in the list.
  take({ groupPk, groupTitle, updatedAt, read, deletedRun, ...newest }) {
    const known = this.#rooms.get(groupPk);
    if (!known) return null;
    let { lastRead } = known;
    if (newest.userId === this.#me) lastRead = Math.max(lastRead, newest.number); // senders have read the room
    if (read) lastRead = Math.max(lastRead, read.number);
    if (deletedRun && deletedRun.after <= lastRead && lastRead < deletedRun.to) lastRead = deletedRun.to;
    if (isOlder(newest, known.newest)) return this.#set(groupPk, { ...known, lastRead });
    const changed = Date.parse(updatedAt) < Date.parse(known.updatedAt) ? known.updatedAt : updatedAt;
    return this.#set(groupPk, { title: groupTitle, updatedAt: changed, newest, lastRead });
  }

  read(id, number) {
    const known = this.#rooms.get(id);
    if (known && known.lastRead < number) this.#set(id, { ...known, lastRead: number });
    return this.get(id);
  }

  remove(id) {
    this.#rooms.delete(id);
  }

  #set(id, room) {
    const summary = { ...room, id, unread: Math.max(0, room.newest.number - room.lastRead) };
    this.#rooms.set(id, summary);
    return summary;
  }
}

function isOlder(newest, known) {
  if (newest.number !== known.number) return newest.number < known.number;
  if (known.isDeleted && !newest.isDeleted) return true; // a deleted message stays deleted
  if (known.changedAt === null || newest.changedAt === null) return false;
  return Date.parse(newest.changedAt) < Date.parse(known.changedAt);
}
