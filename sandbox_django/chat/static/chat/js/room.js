// The page of one room: connects the socket, the timeline and the composer.

import { patch, post } from "../../core/js/api.js";
import { systemClock } from "../../core/js/clock.js";
import { Composer } from "../../core/js/composer.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { copyButtons } from "../../core/js/copy.js";
import { dayOf } from "../../core/js/dates.js";
import { askToDelete } from "../../core/js/delete_dialog.js";
import { refuseTooLong } from "../../core/js/length.js";
import { PagedLog } from "../../core/js/live_list.js";
import { StoredText } from "../../core/js/stored_text.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { openEditor } from "./editor.js";
import { MentionableMembers } from "./mentionable_members.js";
import { Mentions } from "./mentions.js";
import { MessageList } from "./message_list.js";
import { Namesakes } from "./namesakes.js";
import { OutgoingMessages } from "./outgoing_messages.js";
import { ReadMarker } from "./read_marker.js";
import { ReadTracker } from "./read_tracker.js";
import { leaveWhenRefused } from "./removal_notice.js";
import { RoomList } from "./room_list.js";
import { Timeline } from "./timeline.js";
import { TypingNotice, Typists } from "./typing.js";
import { UnsentStore } from "./unsent_store.js";

const MAX_ROWS = 250;
const ADMIN = 2002;

const page = document.querySelector("[data-room]");
const logElement = document.querySelector("[data-log]");
const form = document.querySelector("[data-composer]");
const field = form.querySelector("textarea");
const toEnd = document.querySelector("[data-to-end]");
const offline = document.querySelector("[data-offline]");
const announcements = document.querySelector("[data-announcements]");
const { socketUrl, since, messagesUrl, membersUrl, readUrl, home, login, found } = page.dataset;
const room = Number(page.dataset.room);
const maxLength = Number(page.dataset.maxLength);
const me = Number(page.dataset.me);

const live = new LiveSocket(socketUrl, { since: Number(since) });
const timeline = new Timeline(me, dayOf);
const namesakes = new Namesakes();
const readMarker = new ReadMarker(
  (messageId, { isLeaving }) => post(readUrl, { messageId }, { keepalive: isLeaving }),
  Number(page.dataset.lastRead),
  { clock: systemClock },
);
const reading = new ReadTracker(logElement, timeline, readMarker, {
  changed(number) {
    rooms.showAsRead(room, number);
    showUnreadCount();
  },
  isAtEnd: () => log.isAtEnd,
});
const rows = new MessageList(page, document.querySelector("[data-blank]"), timeline, namesakes, {
  appeared: (row) => reading.add(row),
  vanished: (row) => reading.remove(row),
});
timeline.noteNumber(Number(page.dataset.lastNumber));
const startsAtUnread = timeline.unreadFrom !== null && !found;
const log = new PagedLog(live, {
  url: messagesUrl,
  items: timeline,
  draw() {
    rows.draw();
    page.querySelector("[data-beginning]").hidden = timeline.hasEarlier || timeline.isEmpty;
  },
  moved: showUnreadCount,
  failed: (error) => composer.showError(error),
  log: logElement,
  earlier: page.querySelector("[data-earlier]"),
  later: page.querySelector("[data-later]"),
  toEnd,
  startsAtEnd: !found && !startsAtUnread,
  loadsOnScroll: true,
  maxRows: MAX_ROWS,
});
const rooms = new RoomList({ isReadingRoom: (id) => id === room && reading.isReading });
const outgoing = new OutgoingMessages(
  (content, key) => post(messagesUrl, { content }, { key }),
  new UnsentStore(new StoredText(`unsent chat ${room} ${me}`)),
  {
    timeline,
    draw: () => log.draw(),
    stored(message) {
      readMarker.known(message.number); // who sends a message has read the room
      reading.check();
    },
  },
);
const mentionable = new MentionableMembers(membersUrl, me);
const typists = new Typists(me, (words) => (document.querySelector("[data-typing]").textContent = words), systemClock);
const typingNotice = new TypingNotice((isTyping) => live.send("typing", { isTyping }), systemClock);
const composer = new Composer(form, async (content) => {
  refuseTooLong(content, maxLength);
  typingNotice.stop();
  timeline.unreadFrom = null;
  outgoing.send(content);
  log.jumpToLatest();
});

// Events of the socket

log.on("member_message", (message) => {
  typists.stop(message.userId);
  receive(message);
});
for (const action of ["message_updated", "message_deleted"]) {
  log.on(action, (message) => {
    // If the message isn't loaded, nothing changes on the page.
    if (timeline.message(message.id)) log.draw(() => timeline.put(message));
  });
}
log.on("member_added", ({ userId, displayName }) => {
  mentionable.forget();
  countMembers(1);
  if (namesakes.add(userId, displayName)) rows.showNamesakes();
});
log.on("member_updated", ({ userId, chatRole }) => {
  if (userId === me) page.toggleAttribute("data-manages", chatRole <= ADMIN);
});
log.on("member_removed", ({ userPk }) => {
  mentionable.forget();
  countMembers(-1);
  typists.stop(userPk);
  if (namesakes.remove(userPk)) rows.showNamesakes();
});
log.on("group_updated", ({ title, description, memberCount }) => {
  rooms.retitle(room, title);
  const place = document.querySelector("[data-description]");
  place.textContent = description;
  place.hidden = !description;
  document.querySelector("[data-member-count]").textContent = memberCount;
});
log.on("typing", (typing) => typists.receive(typing));
log.on("presence", ({ count }) => {
  const here = document.querySelector("[data-here]");
  readMarker.readers = count;
  here.textContent = `${count} here`;
  here.hidden = count < 2; // if only this user is here
});
live.addEventListener("state", ({ detail }) => detail === "live" && outgoing.retryAll());
leaveWhenRefused(live, {
  home,
  login,
  leaving() {
    reading.close();
    outgoing.close();
  },
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);

// Actions of the user

field.addEventListener("input", () => typingNotice.write(field.value));
field.addEventListener("blur", () => typingNotice.stop());
field.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowUp" || field.value || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  const mine = timeline.myLast;
  if (!mine) return;
  event.preventDefault();
  edit(mine.id);
});
new Mentions(field, form.querySelector("[data-mentions]"), () => mentionable.list());

page.addEventListener("click", ({ target }) => {
  const row = target.closest("[data-message]");
  const button = target.closest("button");
  if (button?.matches("[data-edit]")) edit(Number(row.dataset.message));
  else if (button?.matches("[data-delete]")) confirmDeletion(Number(row.dataset.message));
  else if (button?.matches("[data-retry]")) outgoing.retry(row.dataset.key);
  else if (button?.matches("[data-rewrite]")) composer.suggest(outgoing.discard(row.dataset.key));
  else if (button?.matches("[data-discard]")) {
    outgoing.discard(row.dataset.key);
    focusField();
  } else if (row && !target.closest("a, button, form")) toggleTools(row);
});
toEnd.addEventListener("click", focusField);
for (const change of ["online", "offline"]) window.addEventListener(change, showOnline);

log.draw();
outgoing.resume();
if (found) window.addEventListener("load", showFound);
else if (startsAtUnread) log.scrolled();
else log.toEnd();
showOnline();
copyButtons(page);
live.open();
reading.check();
if (matchMedia("(pointer: fine)").matches && !found) focusField();

// Called after the page has loaded, since the browser first scrolls to the address's fragment.
function showFound() {
  rows.elementOf(found)?.scrollIntoView({ block: "center" });
  log.scrolled();
}

function receive(message) {
  const isMine = message.userId === me;
  if (isMine) readMarker.known(message.number); // who sends a message has read the room
  else if (!reading.isReading && (timeline.unreadFrom ?? 0) <= reading.lastRead) timeline.unreadFrom = message.number;
  let isNew = false;
  log.draw(() => (isNew = timeline.put(message)));
  if (isNew && !isMine) announce(message);
}

function announce({ id, senderName }) {
  const words = rows.elementOf(id)?.querySelector("[data-body]").textContent.trim().slice(0, 200);
  announcements.textContent = `${senderName}: ${words}`;
}

function showUnreadCount() {
  const unread = timeline.lastNumber - reading.lastRead;
  toEnd.querySelector("[data-count]").textContent = unread > 0 ? `Jump to latest (${unread} new)` : "Jump to latest";
  toEnd.classList.toggle("button--main", unread > 0);
}

function showOnline() {
  offline.hidden = navigator.onLine;
  if (navigator.onLine) outgoing.retryAll();
}

function edit(id) {
  openEditor(rows.elementOf(id), timeline.message(id).content, {
    async save(content) {
      refuseTooLong(content, maxLength);
      const changed = await patch(`${messagesUrl}${id}/`, { content });
      log.draw(() => timeline.put(changed));
    },
    done: focusField,
  });
}

function confirmDeletion(id) {
  askToDelete({
    url: `${messagesUrl}${id}/`,
    // The page doesn't wait for the event, which only arrives while there is a connection.
    deleted() {
      const gone = { ...timeline.message(id), content: "", contentHtml: "", mentions: [], isDeleted: true };
      log.draw(() => timeline.put(gone));
    },
    closed: focusField,
  });
}

// Shows a row's tools after a tap, since touch screens can't hover.
function toggleTools(row) {
  const isOpen = row.matches(".message--open");
  for (const open of page.querySelectorAll(".message--open")) open.classList.remove("message--open");
  if (!isOpen && !matchMedia("(hover: hover)").matches) row.classList.add("message--open");
}

function countMembers(by) {
  const count = document.querySelector("[data-member-count]");
  count.textContent = Number(count.textContent) + by;
}

function focusField() {
  field.focus({ preventScroll: true });
}
