// The page of one room: joins what is heard, what is drawn and what is said.

import { get, newKey, patch, post, remove } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { copyButtons } from "../../core/js/copy.js";
import { dayOf } from "../../core/js/dates.js";
import { errorMessage } from "../../core/js/error_message.js";
import { refuseTooLong } from "../../core/js/length.js";
import { Refetch } from "../../core/js/refetch.js";
import { StickToBottom } from "../../core/js/stick_to_bottom.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { openEditor } from "./editor.js";
import { distinguish } from "./mention_suggestions.js";
import { Mentions } from "./mentions.js";
import { MessageList } from "./message_list.js";
import { MessageSender } from "./message_sender.js";
import { Namesakes } from "./namesakes.js";
import { ReadMarker } from "./read_marker.js";
import { leaveWithNotice, closeMessage } from "./removal_notice.js";
import { retitle, showAsRead, wireRoomList } from "./room_list.js";
import { SeenRows } from "./seen_rows.js";
import { Timeline } from "./timeline.js";
import { TypingNotice, Typists } from "./typing.js";
import { UnsentStore } from "./unsent_store.js";

const PAGE = 100;
const MORE = 50;
const ROWS = 250; // that stay when there are MORE too many
const WAITING = "Waiting for connection. We'll send it when you're back online.";
const ADMIN = 2002;
const MAX_MEMBERS = 1000;

const page = document.querySelector("[data-room]");
const log = document.querySelector("[data-log]");
const form = document.querySelector("[data-composer]");
const field = form.querySelector("textarea");
const toEnd = document.querySelector("[data-to-end]");
const earlier = page.querySelector("[data-earlier]");
const later = page.querySelector("[data-later]");
const offline = document.querySelector("[data-offline]");
const dialog = document.querySelector("[data-delete-dialog]");
const announcements = document.querySelector("[data-announcements]");
const { socketUrl, since, messagesUrl, membersUrl, readUrl, home, login, found } = page.dataset;
const room = Number(page.dataset.room);
const maxLength = Number(page.dataset.maxLength);
const me = Number(page.dataset.me);

let removalNotice = null;
let isClosed = false;
let members = null;

const seen = new SeenRows(log, readIfSeen);
const timeline = new Timeline(me, dayOf);
const namesakes = new Namesakes();
const messages = new MessageList(page, document.querySelector("[data-blank]"), timeline, namesakes, {
  appeared: (element) => seen.add(element),
  vanished: (element) => seen.remove(element),
});
timeline.noteNumber(Number(page.dataset.lastNumber));
const startsAtUnread = timeline.unreadFrom !== null && !found;
let isAway = startsAtUnread || Boolean(found);
const live = new LiveSocket(socketUrl, { since: Number(since) });
const scroller = new StickToBottom(log, {
  startsAtEnd: !found && !startsAtUnread,
  onAwayChange,
  hasEnd: () => !timeline.hasLater,
});
const refetchAll = new Refetch(refetch, { failed: (error) => composer.showError(error) });
const edges = new IntersectionObserver(loadMore, { root: log, rootMargin: "600px 0px" });
const reader = new ReadMarker(
  (messageId, { isLeaving }) => post(readUrl, { messageId }, { keepalive: isLeaving }),
  Number(page.dataset.lastRead),
);
const typists = new Typists(me, (words) => (document.querySelector("[data-typing]").textContent = words));
const notice = new TypingNotice((isTyping) => live.send("typing", { isTyping }));
const unsentStore = new UnsentStore(`unsent chat ${room} ${me}`);

const deliver = (content, key) => post(messagesUrl, { content }, { key });
const callbacks = {
  started({ key, content, at, problem }) {
    timeline.addPending(key, content, new Date(at), problem);
    draw();
  },
  arrived(key, message) {
    timeline.confirmPending(key, message);
    reader.known(message.number); // sending is reading
    draw();
    readIfSeen();
  },
  failed(key, error) {
    const isUncertain = error.status === 0 || error.status >= 500;
    const problem = error.status === 0 ? WAITING : errorMessage(error);
    timeline.fail(key, problem, { isUncertain });
    draw();
    return problem;
  },
};
const sender = new MessageSender(deliver, unsentStore, callbacks, { makeKey: newKey });

new Mentions(field, form.querySelector("[data-mentions]"), mentionable);

const composer = new Composer(form, async (content) => {
  refuseTooLong(content, maxLength);
  notice.stop();
  timeline.unreadFrom = null;
  sender.send(content);
  jumpToLatest();
});

// What is heard

live.addEventListener("member_message", ({ detail }) => {
  typists.stop(detail.userId);
  receiveMessage(detail);
});

for (const news of ["message_updated", "message_deleted"]) {
  live.addEventListener(news, ({ detail }) => {
    if (!timeline.message(detail.id)) return; // further up than what is shown
    timeline.put(detail);
    draw();
  });
}

live.addEventListener("member_added", ({ detail }) => {
  members = null;
  countMembers(1);
  if (namesakes.add(detail.userId, detail.displayName)) messages.showNamesakes();
});
live.addEventListener("member_updated", ({ detail }) => {
  if (detail.userId === me) page.toggleAttribute("data-manages", detail.chatRole <= ADMIN);
});
live.addEventListener("member_removed", ({ detail }) => {
  members = null;
  countMembers(-1);
  typists.stop(detail.userPk);
  if (namesakes.remove(detail.userPk)) messages.showNamesakes();
});
live.addEventListener("group_updated", ({ detail }) => {
  retitle(room, detail.title);
  const description = document.querySelector("[data-description]");
  description.textContent = detail.description;
  description.hidden = !detail.description;
  document.querySelector("[data-member-count]").textContent = detail.memberCount;
});
live.addEventListener("typing", ({ detail }) => typists.receive(detail));
live.addEventListener("presence", ({ detail }) => {
  const here = document.querySelector("[data-here]");
  reader.readers = detail.count;
  here.textContent = `${detail.count} here`;
  here.hidden = detail.count < 2; // that I am here I know
});
live.addEventListener("resync", () => refetchAll.request());
live.addEventListener("user_removed_from_group", ({ detail }) => (removalNotice = detail.message));
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "live") retryAll();
  if (detail === "live") refetchAll.retryNow();
  if (detail === "refused") end(code);
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);

// What is done

field.addEventListener("input", () => notice.write(field.value));
field.addEventListener("blur", () => notice.stop());
field.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowUp" || field.value || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  const mine = timeline.myLast;
  if (!mine) return;
  event.preventDefault();
  edit(mine.id);
});

page.addEventListener("click", ({ target }) => {
  const row = target.closest("[data-message]");
  const button = target.closest("button");
  const id = Number(row?.dataset.message);
  if (button === earlier) load(earlier);
  else if (button === later) load(later);
  else if (button?.matches("[data-edit]")) edit(id);
  else if (button?.matches("[data-rewrite]")) rewrite(row.dataset.key);
  else if (button?.matches("[data-delete]")) askToDelete(id);
  else if (button?.matches("[data-retry]")) retry(row.dataset.key);
  else if (button?.matches("[data-discard]")) discard(row.dataset.key);
  else if (row && !target.closest("a, button, form")) toggleTools(row);
});

toEnd.addEventListener("click", () => {
  jumpToLatest();
  field.focus({ preventScroll: true });
});

dialog.addEventListener("close", async () => {
  const { message } = dialog.dataset;
  field.focus({ preventScroll: true });
  if (dialog.returnValue !== "yes") return;
  try {
    await remove(`${messagesUrl}${message}/`);
    // Told to all by the socket, to this page too; but not to one that has none now.
    const gone = { ...timeline.message(Number(message)), content: "", contentHtml: "", mentions: [], isDeleted: true };
    timeline.put(gone);
    draw();
  } catch (error) {
    composer.showError(`Not deleted. ${errorMessage(error)}`);
  }
});

for (const back of ["visibilitychange", "focus"]) window.addEventListener(back, readIfSeen);
document.addEventListener("visibilitychange", readIfSeen);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && reader.flush());
window.addEventListener("pagehide", () => reader.flush());
window.addEventListener("online", showOnline);
window.addEventListener("offline", showOnline);
// Another tab has sent, or thrown away, what both show.
window.addEventListener("storage", ({ key }) => {
  if (key !== unsentStore.name) return;
  const kept = new Set(unsentStore.all().map((entry) => entry.key));
  for (const { key: shown } of timeline.uncertain) if (!kept.has(shown)) timeline.discard(shown);
  draw();
});

draw();
sender.resume();
if (found) window.addEventListener("load", showFound);
else if (startsAtUnread) scroller.update();
else scroller.toEnd();
for (const edge of [earlier, later]) edges.observe(edge);
updateJumpButton();
showOnline();
copyButtons(page);
wireRoomList({ isReadingRoom: (id) => id === room && isBeingRead() });
live.open();
readIfSeen();
if (matchMedia("(pointer: fine)").matches && !found) field.focus({ preventScroll: true });

// Not sooner: the browser goes to the place named in the address by itself, in its own way.
function showFound() {
  messages.elementOf(found)?.scrollIntoView({ block: "center" });
  scroller.update();
}

// Draws what has changed. What the reader looks at stays where it is, whatever changes above it.
function draw() {
  unloadFarRows();
  const fixed = scroller.isAtEnd ? null : seen.visible.find((element) => element.isConnected && isStillLoaded(element));
  const top = fixed?.getBoundingClientRect().top;
  messages.draw();
  earlier.hidden = !timeline.hasEarlier;
  later.hidden = !timeline.hasLater;
  page.querySelector("[data-beginning]").hidden = timeline.hasEarlier || timeline.isEmpty;
  if (fixed) log.scrollTop += fixed.getBoundingClientRect().top - top;
  if (scroller.isAtEnd) scroller.toEnd();
}

function isStillLoaded(element) {
  return timeline.message(Number(element.dataset.message)) !== null;
}

// On the side that is further from what is on the screen; they come back by REST.
function unloadFarRows() {
  const excess = timeline.size - ROWS;
  if (excess < MORE) return;
  const below = log.scrollHeight - log.scrollTop - log.clientHeight;
  if (scroller.isAtEnd || log.scrollTop > below) timeline.dropOldest(excess);
  else timeline.dropNewest(excess);
}

function receiveMessage(message) {
  const isMine = message.userId === me;
  const isLoaded = timeline.put(message);
  if (isMine) reader.known(message.number); // sending is reading
  else if (!isBeingRead() && (timeline.unreadFrom ?? 0) <= reader.lastRead) timeline.unreadFrom = message.number;
  draw();
  if (isLoaded && !isMine) announce(message);
  updateJumpButton();
}

function announce({ id, senderName }) {
  const words = messages.elementOf(id)?.querySelector("[data-body]").textContent.trim().slice(0, 200);
  announcements.textContent = `${senderName}: ${words}`;
}

function isInUse() {
  return document.visibilityState === "visible" && document.hasFocus() && !isClosed;
}

function isBeingRead() {
  return isInUse() && !isAway && !timeline.hasLater;
}

// Up to the last message that is on the screen while the window is in use.
function readIfSeen() {
  if (!isInUse()) return;
  const ids = seen.visible.map((element) => Number(element.dataset.message)).filter(Boolean);
  const newest = timeline.message(Math.max(...ids));
  if (newest === null || newest.number <= reader.lastRead) return;
  reader.read(newest);
  showAsRead(room, newest.number);
  updateJumpButton();
}

function onAwayChange(isNowAway) {
  isAway = isNowAway;
  updateJumpButton();
}

function updateJumpButton() {
  toEnd.hidden = !(isAway || timeline.hasLater);
  const unread = timeline.lastNumber - reader.lastRead;
  toEnd.querySelector("[data-count]").textContent = unread > 0 ? `Jump to latest (${unread} new)` : "Jump to latest";
  toEnd.classList.toggle("button--main", unread > 0);
}

async function jumpToLatest() {
  if (timeline.hasLater) {
    try {
      const { results } = await get(`${messagesUrl}?limit=${MORE}`);
      timeline.showNewest(results.reverse());
    } catch (error) {
      composer.showError(error.status === 0 ? WAITING : error);
      return;
    }
    draw();
  }
  scroller.toEnd();
  scroller.update();
  updateJumpButton();
}

function showOnline() {
  offline.hidden = navigator.onLine;
  if (navigator.onLine) retryAll();
}

// Everything that is loaded; what was changed or deleted in the meantime, too. What came after it, up to a page of it.
async function refetch() {
  const { oldest, newest, hasLater } = timeline;
  const { results: latest } = await get(`${messagesUrl}?limit=${PAGE}`);
  let url = oldest && `${messagesUrl}?limit=${PAGE}&after=${oldest.id - 1}`;
  while (url) {
    const { results, next } = await get(url);
    for (const message of results) timeline.put(message);
    url = next && results.at(-1).id < newest.id && messagesUrl + new URL(next).search;
  }
  for (const message of latest) timeline.noteNumber(message.number);
  if (!hasLater) for (const message of latest.reverse()) timeline.put(message);
  draw();
  updateJumpButton();
}

function loadMore(entries) {
  for (const { isIntersecting, target } of entries) if (isIntersecting) load(target);
}

// The next messages at one side of those that are loaded.
async function load(edge) {
  if (edge.disabled || edge.hidden) return;
  edge.disabled = true;
  const from = edge === earlier ? `before=${timeline.oldest.id}` : `after=${timeline.newest.id}`;
  try {
    const { results } = await get(`${messagesUrl}?limit=${MORE}&${from}`);
    for (const message of results) timeline.put(message);
    draw();
    updateJumpButton();
    // It may still be near: then its observer has nothing to tell, unless it begins again.
    edges.unobserve(edge);
    edges.observe(edge);
  } catch (error) {
    composer.showError(error);
  }
  edge.disabled = false;
}

// What failed for want of a connection, once there is one.
function retryAll() {
  for (const { key } of timeline.uncertain) retry(key);
}

function retry(key) {
  timeline.retry(key);
  draw();
  sender.retry(key);
}

function discard(key) {
  timeline.discard(key);
  sender.discard(key);
  draw();
  field.focus({ preventScroll: true });
}

// Back into the box, to be changed and sent as another message.
function rewrite(key) {
  const { content } = timeline.pending(key);
  discard(key);
  composer.suggest(content);
}

function edit(id) {
  openEditor(messages.elementOf(id), timeline.message(id).content, {
    async save(content) {
      refuseTooLong(content, maxLength);
      timeline.put(await patch(`${messagesUrl}${id}/`, { content }));
      draw();
    },
    done: () => field.focus({ preventScroll: true }),
  });
}

function askToDelete(id) {
  dialog.dataset.message = id;
  dialog.returnValue = "";
  dialog.showModal();
}

// A finger has nothing to hover with.
function toggleTools(row) {
  const isOpen = row.matches(".message--open");
  for (const open of page.querySelectorAll(".message--open")) open.classList.remove("message--open");
  if (!isOpen && !matchMedia("(hover: hover)").matches) row.classList.add("message--open");
}

function countMembers(by) {
  const count = document.querySelector("[data-member-count]");
  count.textContent = Number(count.textContent) + by;
}

// Those one may mean with an @, asked for when the first one is written.
function mentionable() {
  members ??= fetchMembers();
  return members;
}

async function fetchMembers() {
  const found = [];
  let url = `${membersUrl}?limit=${PAGE}`;
  try {
    while (url && found.length < MAX_MEMBERS) {
      const { results, next } = await get(url);
      found.push(...results);
      url = next && membersUrl + new URL(next).search;
    }
  } catch {
    members = null; // the next letter tries again
  }
  return distinguish(found).filter(({ userId }) => userId !== me);
}

function end(code) {
  isClosed = true;
  sender.close();
  if (code === 4401) location.assign(`${login}?next=${location.pathname}`);
  else leaveWithNotice(removalNotice ?? closeMessage(code), home);
}
