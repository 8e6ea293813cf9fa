// The content of each row of the room list, from the page's rows, REST and the socket's hints. Sends no requests.
//
// Messages are numbered within their room, so the unread count is a subtraction. A hint may be late: one about an older
// message, or an older version of the same one, is ignored.

export class RoomSummaries {
  #me;
  #rooms = new Map(); // by id

  constructor(me) {
    this.#me = me;
  }

  get(id) {
    return this.#rooms.get(id) ?? null;
  }

  // A room from REST or the page. A newer hint that arrived before it stays.
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

  // A hint; returns null for a room that is not in the list.
  take({ groupPk, groupTitle, updatedAt, read, deletedRun, ...newest }) {
    const known = this.#rooms.get(groupPk);
    if (!known) return null;
    let { lastRead } = known;
    if (newest.userId === this.#me) lastRead = Math.max(lastRead, newest.number); // sending is reading
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
