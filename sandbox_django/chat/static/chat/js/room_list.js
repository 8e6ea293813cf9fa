// The live list of the user's rooms. Shows each room's last message and unread count, and the sum of these counts in
// the window's title.
//
// Hints (unnumbered frames) contain everything that a row shows. The page sends requests only for a room that isn't in
// the list, and for all rooms after a gap.

import { get } from "../../core/js/api.js";
import { listTime } from "../../core/js/dates.js";
import { wireListKeys } from "../../core/js/list_keys.js";
import { LiveList, pagesOf } from "../../core/js/live_list.js";
import { Refetch } from "../../core/js/refetch.js";
import { badgeOf, renameInTitle, showUnreadInTitle } from "../../core/js/window_title.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { RoomSummaries } from "./room_summaries.js";

const MAX_PAGES = 3; // of 100 rooms: as many as the server renders (SHOWN_ROOMS in page_views.py)

export class RoomList {
  #list = document.querySelector("[data-rooms]");
  #rows = this.#list.querySelector("[data-rows]");
  #blank = this.#list.querySelector("[data-blank-room]").content.querySelector("[data-room-row]");
  #me = Number(this.#list.dataset.me);
  #summaries = new RoomSummaries(this.#me);
  #drawn = new WeakMap(); // maps a row to the summary that it shows
  #newRooms = new Map(); // maps the id of a room that isn't in the list yet to its fetch
  #isReadingRoom;

  // `isReadingRoom(id)` returns whether the user sees that room's messages as they arrive.
  constructor({ isReadingRoom = () => false } = {}) {
    this.#isReadingRoom = isReadingRoom;
    for (const row of this.#items()) this.#adoptRow(row);
    this.#countUnread();
    wireListKeys(this.#list, () => this.#items().map((row) => row.querySelector("a")));

    const { socketUrl, since } = this.#list.dataset;
    const live = new LiveSocket(socketUrl, { since: Number(since) });
    const rooms = new LiveList(live, {
      fetch: () => this.#fetchAll(),
      show: (found) => this.#showAll(found),
      hasHints: true,
    });
    rooms.on("added_to_group", ({ groupPk }) => this.#fetchSoon(groupPk, 0));
    rooms.on("removed_from_group", ({ groupPk }) => this.#remove(groupPk));
    rooms.on("group_chat_updated", (hint) => {
      const summary = this.#summaries.take(hint);
      if (summary) this.#draw(summary);
      else this.#fetchSoon(hint.groupPk);
    });
    live.open();
  }

  // Called when the open room's title has changed.
  retitle(id, title) {
    const row = this.#itemOf(id);
    if (row) row.querySelector("[data-row-title]").textContent = title;
    for (const place of document.querySelectorAll("[data-title]")) {
      if (place.matches("h1")) renameInTitle(place.textContent, title);
      place.textContent = title;
    }
  }

  // Called when the user has read a room up to the message with this number.
  showAsRead(id, number) {
    const summary = this.#summaries.read(id, number);
    if (summary && this.#itemOf(id)) this.#draw(summary);
  }

  #fetchSoon(id, spread) {
    if (!this.#newRooms.has(id)) this.#newRooms.set(id, new Refetch(() => this.#fetchRoom(id)));
    this.#newRooms.get(id).request({ spread });
  }

  async #fetchRoom(id) {
    try {
      this.#draw(this.#summaries.put(await get(`${this.#list.dataset.roomsUrl}${id}/`)));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#remove(id);
    }
  }

  async #fetchAll() {
    const found = [];
    for await (const results of pagesOf(`${this.#list.dataset.roomsUrl}?limit=100`, MAX_PAGES)) found.push(...results);
    return found;
  }

  // Shows the same rooms as a reload of the page would. Rooms beyond the maximum, which have been quiet for the longest
  // time, are removed.
  #showAll(found) {
    const ids = new Set(found.map(({ id }) => id));
    for (const row of this.#items()) if (!ids.has(idOf(row))) this.#remove(idOf(row));
    for (const room of found) this.#draw(this.#summaries.put(room));
  }

  // Registers a row that the server has rendered.
  #adoptRow(row) {
    const { at, number, lastRead, isDeleted } = row.dataset;
    const summary = this.#summaries.put({
      id: idOf(row),
      title: row.querySelector("[data-row-title]").textContent,
      updatedAt: at,
      lastNumber: Number(number),
      lastReadNumber: Number(lastRead),
      lastMessage: Number(number) > 0 ? { words: "", isDeleted: isDeleted !== undefined } : null,
    });
    this.#drawn.set(row, summary);
    showTime(row);
  }

  #draw(summary) {
    const { id, title, updatedAt, newest, unread } = summary;
    const row = this.#itemOf(id) ?? this.#makeRow(id);
    const shown = this.#drawn.get(row);
    this.#drawn.set(row, summary);
    if (shown?.title !== title) row.querySelector("[data-row-title]").textContent = title;
    if (shown?.newest !== newest) row.querySelector("[data-row-words]").textContent = this.#previewOf(newest);
    if (shown?.updatedAt !== updatedAt) {
      row.dataset.at = updatedAt;
      row.querySelector("[data-row-time]").dateTime = updatedAt;
      this.#place(row);
    }
    showTime(row);
    showUnread(row, this.#isReadingRoom(id) ? 0 : unread);
    this.#countUnread();
  }

  #makeRow(id) {
    const row = this.#blank.cloneNode(true);
    row.dataset.roomRow = id;
    const link = row.querySelector("a");
    link.href = `${this.#list.querySelector("[data-new]").pathname}${id}/`;
    if (String(id) === this.#list.dataset.opened) link.setAttribute("aria-current", "page");
    if (this.#items().length === 0) showListFirst();
    return row;
  }

  #previewOf({ number, isDeleted, userId, senderName, excerpt }) {
    if (number === 0) return "No messages yet";
    if (isDeleted) return "Message deleted";
    const author = userId === this.#me ? "You" : senderName;
    return author ? `${author}: ${excerpt}` : excerpt;
  }

  // Puts rows in the order of their last message, newest first. Leaves a row that is in the right place alone, so that
  // it keeps its focus.
  #place(row) {
    const at = Date.parse(row.dataset.at);
    const others = this.#items().filter((other) => other !== row);
    const later = others.filter((other) => Date.parse(other.dataset.at) > at).length;
    if (this.#items()[later] === row) return;
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    this.#rows.insertBefore(row, others[later] ?? null);
    focused?.focus({ preventScroll: true });
    this.#list.querySelector("[data-empty]").hidden = true;
  }

  #remove(id) {
    this.#newRooms.get(id)?.close();
    this.#newRooms.delete(id);
    this.#summaries.remove(id);
    this.#itemOf(id)?.remove();
    this.#list.querySelector("[data-empty]").hidden = this.#items().length > 0;
    this.#countUnread();
  }

  #countUnread() {
    const badges = this.#rows.querySelectorAll("[data-row-unread]:not([hidden])");
    showUnreadInTitle([...badges].reduce((sum, badge) => sum + unreadOf(badge), 0));
  }

  #items() {
    return [...this.#rows.querySelectorAll("[data-room-row]")];
  }

  #itemOf(id) {
    return this.#rows.querySelector(`[data-room-row="${id}"]`);
  }
}

function idOf(row) {
  return Number(row.dataset.roomRow);
}

// On a phone, a user without rooms first sees the form for a new room. Shows the list instead, unless the user has
// begun to use the form.
function showListFirst() {
  const field = document.querySelector(".new-room input[name=title]");
  if (field && !field.value && field !== document.activeElement) document.body.classList.add("shell--list-first");
}

function showTime(row) {
  row.querySelector("[data-row-time]").textContent = listTime(new Date(row.dataset.at));
}

function showUnread(row, count) {
  const unread = row.querySelector("[data-row-unread]");
  unread.hidden = count === 0;
  unread.querySelector("[data-count]").textContent = badgeOf(count);
  unread.dataset.unread = count;
  row.querySelector(".room-row").classList.toggle("room-row--unread", count > 0);
}

// Returns the number on a badge, which counts up to 99.
function unreadOf(badge) {
  return Number.parseInt(badge.querySelector("[data-count]").textContent, 10);
}
