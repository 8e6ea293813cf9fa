// Draws the messages of the timeline, and the lines between them. Draws only the rows that have changed.

import { drawAvatar } from "../../core/js/avatar.js";
import { dayName, dayOf, hourOf } from "../../core/js/dates.js";
import { nodesOf } from "../../core/js/server_html.js";

const DELETED_MESSAGE = "This message was deleted.";
const DELETED_USER = "Deleted user";

export class MessageList {
  #root;
  #end; // the element below the last row
  #blank;
  #nothing;
  #timeline;
  #namesakes;
  #me;
  #myName;
  #rows = new Map(); // maps a row's key to { element, userId, day, unread, drawn }
  #found;
  #today = dayOf(new Date());
  #appeared;
  #vanished;

  // `appeared(element)` and `vanished(element)` are called when a message's element is added or removed.
  constructor(root, blank, timeline, namesakes, { appeared = () => {}, vanished = () => {} } = {}) {
    this.#root = root;
    this.#end = root.querySelector("[data-later]");
    this.#blank = blank.content.querySelector("[data-message]");
    this.#nothing = root.querySelector("[data-nothing]");
    this.#timeline = timeline;
    this.#namesakes = namesakes;
    this.#me = Number(root.dataset.me);
    this.#myName = root.dataset.myName;
    this.#found = root.dataset.found;
    this.#appeared = appeared;
    this.#vanished = vanished;
    this.#adoptRows();
  }

  // The time that this takes depends on the number of changes, not on the length of the room.
  draw() {
    const { removed, rows } = this.#timeline.changes();
    for (const key of removed) this.#remove(key);
    const isAnyShared = rows.map(({ entry }) => this.#noteName(entry)).includes(true);
    for (const row of rows) this.#place(row);
    if (isAnyShared) this.showNamesakes();
    this.#nothing.hidden = !this.#timeline.isEmpty;
    this.#renameDays();
  }

  // Called when the room's members have changed. Marks the rows of members who share their name.
  showNamesakes() {
    for (const { element, userId } of this.#rows.values()) this.#showNamesake(element, userId);
  }

  elementOf(id) {
    return this.#root.querySelector(`[data-message="${id}"]`);
  }

  // Registers the first rows, which the server has rendered in its own time zone.
  #adoptRows() {
    for (const [userId, name] of Object.entries(JSON.parse(this.#root.dataset.namesakes))) {
      this.#namesakes.add(Number(userId), name);
    }
    for (const element of this.#root.querySelectorAll("[data-message]")) {
      const { message, number, user, name, at, version, content } = element.dataset;
      const id = Number(message);
      if (!element.matches("[data-has-left]")) this.#namesakes.add(Number(user), name);
      this.#timeline.put({
        id,
        number: Number(number),
        userId: user ? Number(user) : null,
        senderName: name,
        content,
        createdAt: at,
        updatedAt: version,
        isDeleted: element.matches(".message--deleted"),
      });
      element.querySelector("[data-time]").textContent = hourOf(new Date(at));
      const { day, unread } = linesAbove(element);
      if (unread) this.#timeline.unreadFrom = Number(number);
      this.#rows.set(`message ${id}`, { element, userId: Number(user) || null, day, unread, drawn: this.#timeline.message(id) });
      this.#appeared(element);
    }
  }

  // Adds a message's sender to the names that are compared. Returns whether any name is shared now but wasn't before,
  // or the reverse. A message whose author has left the room has no `sender`.
  #noteName({ sender }) {
    return Boolean(sender) && this.#namesakes.add(sender.userId, sender.displayName);
  }

  #showNamesake(element, userId) {
    const mark = element.querySelector("[data-namesake]");
    mark.hidden = !this.#namesakes.has(userId);
    mark.textContent = mark.hidden ? "" : `#${userId}`;
  }

  #place(row) {
    const shown = this.#rows.get(row.key) ?? this.#make(row.key);
    const below = row.below === null ? this.#end : firstOf(this.#rows.get(row.below));
    this.#insert(shown.element, below);
    shown.unread = this.#line(shown.unread, row.isFirstUnread, shown.element, makeUnreadLine);
    shown.day = this.#line(shown.day, row.day !== null, shown.unread ?? shown.element, makeDayLine);
    if (shown.day) nameDay(shown.day, row.day);
    shown.element.classList.toggle("message--first", row.begins);
    if (shown.drawn !== row.entry) this.#fill(shown.element, row);
    shown.drawn = row.entry;
    shown.userId = row.userId;
  }

  #make(key) {
    const shown = { element: this.#blank.cloneNode(true), userId: null, day: null, unread: null, drawn: null };
    this.#rows.set(key, shown);
    this.#appeared(shown.element);
    return shown;
  }

  // Adds or removes a line above a row.
  #line(line, isNeeded, below, make) {
    if (!isNeeded) {
      line?.remove();
      return null;
    }
    const needed = line ?? make();
    this.#insert(needed, below);
    return needed;
  }

  #insert(element, below) {
    if (element.parentNode !== this.#root || element.nextElementSibling !== below) this.#root.insertBefore(element, below);
  }

  #remove(key) {
    const shown = this.#rows.get(key);
    if (!shown) return;
    this.#rows.delete(key);
    for (const element of [shown.day, shown.unread, shown.element]) element?.remove();
    this.#vanished(shown.element);
  }

  // Renames the line "Today" to "Yesterday" after midnight.
  #renameDays() {
    const today = dayOf(new Date());
    if (today === this.#today) return;
    this.#today = today;
    for (const line of this.#root.querySelectorAll(".room__day")) nameDay(line, line.firstElementChild.dateTime);
  }

  #fill(element, { key, id, userId, at, entry }) {
    const isPending = id === null;
    const isMine = userId === this.#me;
    const isDeleted = !isPending && entry.isDeleted;
    const name = isPending ? this.#myName : entry.senderName || DELETED_USER;
    element.id = isPending ? "" : `message-${id}`;
    element.dataset.message = isPending ? "" : id;
    element.dataset.key = key;
    for (const [state, isOn] of Object.entries({
      mine: isMine,
      pending: isPending,
      sending: isPending && entry.problem === null,
      failed: isPending && entry.problem !== null,
      deleted: isDeleted,
      "names-me": !isPending && (entry.mentions?.includes(this.#me) ?? element.matches(".message--names-me")),
      found: !isPending && String(id) === this.#found,
    })) {
      element.classList.toggle(`message--${state}`, isOn);
    }
    drawAvatar(element.querySelector("[data-avatar]"), { id: userId, name });
    element.querySelector("[data-name-here]").textContent = name;
    this.#showNamesake(element, userId);
    const time = element.querySelector("[data-time]");
    time.dateTime = at.toISOString();
    time.textContent = hourOf(at);
    this.#fillBody(element.querySelector("[data-body]"), entry, { isPending, isDeleted });
    element.querySelector("[data-edited]").hidden = isPending || isDeleted || !entry.isEdited;
    element.querySelector("[data-problem]").hidden = !isPending || entry.problem === null;
    element.querySelector("[data-words]").textContent = (isPending && entry.problem) || "";
    // If the message may have arrived, the user can't change its text: the new text would be a second message.
    element.querySelector("[data-rewrite]").hidden = !isPending || entry.isUncertain;
    element.querySelector("[data-tools]").hidden = isPending || isDeleted;
    element.querySelector("[data-edit]").hidden = !isMine;
  }

  #fillBody(body, { content, contentHtml }, { isPending, isDeleted }) {
    if (isPending) body.textContent = content;
    else if (isDeleted) {
      const notice = document.createElement("p");
      notice.className = "message__gone";
      notice.textContent = DELETED_MESSAGE;
      body.replaceChildren(notice);
    } else if (contentHtml !== undefined) body.replaceChildren(...nodesOf(contentHtml));
  }
}

function firstOf({ element, day, unread }) {
  return day ?? unread ?? element;
}

// Returns the lines that the server has rendered above a row.
function linesAbove(element) {
  const lines = { day: null, unread: null };
  let above = element.previousElementSibling;
  while (above?.matches("[data-line]")) {
    lines[above.dataset.line] = above;
    above = above.previousElementSibling;
  }
  return lines;
}

function makeDayLine() {
  const line = document.createElement("p");
  line.className = "room__day";
  line.dataset.line = "day";
  line.append(document.createElement("time"));
  return line;
}

function makeUnreadLine() {
  const line = document.createElement("p");
  line.className = "room__unread";
  line.dataset.line = "unread";
  const words = document.createElement("span");
  words.textContent = "New";
  line.append(words);
  return line;
}

function nameDay(line, day) {
  const time = line.firstElementChild;
  time.dateTime = day;
  time.textContent = dayName(day);
}
