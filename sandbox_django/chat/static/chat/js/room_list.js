// The list of my rooms, live: who said what last, how much is unread, also in the name of the window.
//
// Hints carry what a row shows. Requests are sent only for a room that is new here, and after a reconnect.

import { get } from "../../core/js/api.js";
import { listTime } from "../../core/js/dates.js";
import { Refetch } from "../../core/js/refetch.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { RoomSummaries } from "./room_summaries.js";

const PAGE = 100;

const list = document.querySelector("[data-rooms]");
const rows = list.querySelector("[data-rows]");
const blank = list.querySelector("[data-blank-room]").content.querySelector("[data-room-row]");
const { roomsUrl, socketUrl, since } = list.dataset;
const me = Number(list.dataset.me);
const summaries = new RoomSummaries(me);
const drawn = new WeakMap(); // by row: the summary that it shows
const allRooms = new Refetch(fetchAll);
const newRooms = new Map(); // by id: the fetch of a room that is not in the list yet
let isReading = () => false;
let baseTitle = document.title;

// `isReadingRoom(id)`: whether what comes there is being read at this moment.
export function wireRoomList({ isReadingRoom = () => false } = {}) {
  isReading = isReadingRoom;
  for (const row of items()) adoptRow(row);
  countUnread();
  document.addEventListener("keydown", onShortcut);
  list.addEventListener("keydown", onArrowKey);

  const live = new LiveSocket(socketUrl, { since: Number(since) });
  let isBack = false;
  live.addEventListener("added_to_group", ({ detail }) => fetchSoon(detail.groupPk, 0));
  live.addEventListener("removed_from_group", ({ detail }) => removeRoom(detail.groupPk));
  live.addEventListener("group_chat_updated", ({ detail }) => {
    const summary = summaries.take(detail);
    if (summary) draw(summary);
    else fetchSoon(detail.groupPk);
  });
  live.addEventListener("resync", () => allRooms.request());
  // Hints are sent once: the changes that they told of while there was no connection are fetched.
  live.addEventListener("authentication", ({ detail }) => {
    if (detail.statusCode !== 200) return;
    if (isBack) allRooms.request();
    isBack = true;
    allRooms.retryNow();
  });
  live.open();
}

// The open room has another title.
export function retitle(id, title) {
  const row = itemOf(id);
  if (row) row.querySelector("[data-row-title]").textContent = title;
  for (const place of document.querySelectorAll("[data-title]")) {
    if (place.matches("h1")) baseTitle = title + baseTitle.slice(place.textContent.length);
    place.textContent = title;
  }
  countUnread();
}

// I have read up to the message of this number.
export function showAsRead(id, number) {
  const summary = summaries.read(id, number);
  if (summary && itemOf(id)) draw(summary);
}

function fetchSoon(id, spread) {
  if (!newRooms.has(id)) newRooms.set(id, new Refetch(() => fetchRoom(id)));
  newRooms.get(id).request({ spread });
}

async function fetchRoom(id) {
  try {
    draw(summaries.put(await get(`${roomsUrl}${id}/`)));
  } catch (error) {
    if (error.status !== 404) throw error;
    removeRoom(id);
  }
}

async function fetchAll() {
  const seen = new Set();
  let url = `${roomsUrl}?limit=${PAGE}`;
  while (url) {
    const { results, next } = await get(url);
    for (const room of results) {
      seen.add(room.id);
      draw(summaries.put(room));
    }
    url = next && roomsUrl + new URL(next).search;
  }
  for (const row of items()) if (!seen.has(Number(row.dataset.roomRow))) removeRoom(Number(row.dataset.roomRow));
}

// The server has drawn the first rows.
function adoptRow(row) {
  const { roomRow, at, number, lastRead, isDeleted } = row.dataset;
  const summary = summaries.put({
    id: Number(roomRow),
    title: row.querySelector("[data-row-title]").textContent,
    updatedAt: at,
    lastNumber: Number(number),
    lastReadNumber: Number(lastRead),
    lastMessage: Number(number) > 0 ? { words: "", isDeleted: isDeleted !== undefined } : null,
  });
  drawn.set(row, summary);
  showTime(row);
}

function draw(summary) {
  const { id, title, updatedAt, newest, unread } = summary;
  const row = itemOf(id) ?? makeRow(id);
  const shown = drawn.get(row);
  drawn.set(row, summary);
  if (shown?.title !== title) row.querySelector("[data-row-title]").textContent = title;
  if (shown?.newest !== newest) row.querySelector("[data-row-words]").textContent = previewOf(newest);
  if (shown?.updatedAt !== updatedAt) {
    row.dataset.at = updatedAt;
    row.querySelector("[data-row-time]").dateTime = updatedAt;
    place(row);
  }
  showTime(row);
  showUnread(row, isReading(id) ? 0 : unread);
  countUnread();
}

function makeRow(id) {
  const row = blank.cloneNode(true);
  row.dataset.roomRow = id;
  const link = row.querySelector("a");
  link.href = `${list.querySelector("[data-new]").pathname}${id}/`;
  if (String(id) === list.dataset.opened) link.setAttribute("aria-current", "page");
  if (items().length === 0) showListFirst();
  return row;
}

// On a phone whoever had no room looks at the form for one: unless they are using it, they see that there is one now.
function showListFirst() {
  const field = document.querySelector(".new-room input[name=title]");
  if (field && !field.value && field !== document.activeElement) document.body.classList.add("shell--list-first");
}

function previewOf({ number, isDeleted, userId, senderName, excerpt }) {
  if (number === 0) return "No messages yet";
  if (isDeleted) return "Message deleted";
  const author = userId === me ? "You" : senderName;
  return author ? `${author}: ${excerpt}` : excerpt;
}

// Where something was said last comes first. What stands there already is not touched, nor its focus.
function place(row) {
  const at = Date.parse(row.dataset.at);
  const later = items().filter((other) => other !== row && Date.parse(other.dataset.at) > at).length;
  if (items()[later] === row) return;
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  rows.insertBefore(row, items().filter((other) => other !== row)[later] ?? null);
  focused?.focus({ preventScroll: true });
  list.querySelector("[data-empty]").hidden = true;
}

function removeRoom(id) {
  newRooms.get(id)?.close();
  newRooms.delete(id);
  summaries.remove(id);
  itemOf(id)?.remove();
  list.querySelector("[data-empty]").hidden = items().length > 0;
  countUnread();
}

function showTime(row) {
  row.querySelector("[data-row-time]").textContent = listTime(new Date(row.dataset.at));
}

function showUnread(row, count) {
  const unread = row.querySelector("[data-row-unread]");
  unread.hidden = count === 0;
  unread.querySelector("[data-count]").textContent = count > 99 ? "99+" : count;
  unread.dataset.unread = count;
  row.querySelector(".room-row").classList.toggle("room-row--unread", count > 0);
}

function countUnread() {
  const counts = [...rows.querySelectorAll("[data-row-unread]:not([hidden]) [data-count]")];
  const total = counts.reduce((sum, { textContent }) => sum + Number.parseInt(textContent, 10), 0);
  document.title = total > 0 ? `(${total}) ${baseTitle}` : baseTitle;
}

function onArrowKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = items().map((row) => row.querySelector("a"));
  const at = links.indexOf(event.target);
  const isInSearch = event.target.matches("[data-search]");
  if (!step || (at < 0 && !(isInSearch && step > 0))) return;
  event.preventDefault();
  (links[at + step] ?? (step < 0 ? list.querySelector("[data-search]") : event.target)).focus();
}

// "/" to the search, Alt+N to a new room; on some keyboards Alt makes another letter of the N.
function onShortcut(event) {
  const { key, code, altKey, ctrlKey, metaKey, target } = event;
  if (altKey && code === "KeyN" && !ctrlKey && !metaKey) {
    event.preventDefault();
    list.querySelector("[data-new]").click();
  } else if (key === "/" && !ctrlKey && !metaKey && !target.closest("input, textarea, select, dialog")) {
    const search = [...document.querySelectorAll("[data-search]")].find((field) => field.checkVisibility());
    if (!search) return;
    event.preventDefault();
    search.select();
    search.focus();
  }
}

function items() {
  return [...rows.querySelectorAll("[data-room-row]")];
}

function itemOf(id) {
  return rows.querySelector(`[data-room-row="${id}"]`);
}
