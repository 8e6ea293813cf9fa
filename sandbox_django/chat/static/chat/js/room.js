// The page of one room: joins what is heard, what is drawn and what is said.

import { get, newKey, patch, post, remove } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { copyButtons } from "../../core/js/copy.js";
import { Follower } from "../../core/js/follow.js";
import { LiveSocket } from "../../core/js/live_socket.js";
import { wordsFor } from "../../core/js/refusal.js";
import { showState } from "../../core/js/state.js";
import { openEditor } from "./editor.js";
import { leadAway, wordsForClosing } from "./farewell.js";
import { Mentions } from "./mentions.js";
import { MessageList } from "./message_list.js";
import { ReadMarker } from "./read_marker.js";
import { retitle, showAsRead, wireRoomList } from "./room_list.js";
import { Sender } from "./sender.js";
import { Timeline } from "./timeline.js";
import { TypingNotice, Typists } from "./typing.js";
import { Unsent } from "./unsent.js";

const PAGE = 100;
const EARLIER = 50;
const WAITING = "Not sent yet. It goes out when you are connected again.";
const ADMIN = 2002;
const PEOPLE_AT_MOST = 1000;

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
const { socketUrl, since, messagesUrl, membersUrl, readUrl, pageUrl, home, login, found } = page.dataset;
const room = Number(page.dataset.room);
const me = Number(page.dataset.me);

let hasLater = "hasLater" in page.dataset; // between what is shown and what comes there is more
let isAway = hasLater;
let newBelow = 0;
let farewell = null;
let isOver = false;
let isStale = false; // the server could not fill a gap, and fetching anew has not worked yet
let members = null;

const timeline = new Timeline(me);
const messages = new MessageList(page, document.querySelector("[data-blank]"), timeline);
const live = new LiveSocket(socketUrl, { since: Number(since) });
const follower = new Follower(log, { startsAtEnd: !found, whenAway });
const reader = new ReadMarker(
  (messageId, { isLeaving }) => post(readUrl, { messageId }, { keepalive: isLeaving }),
  Number(page.dataset.lastRead),
);
const typists = new Typists(me, (words) => (document.querySelector("[data-typing]").textContent = words));
const notice = new TypingNotice((isTyping) => live.send("typing", { isTyping }));
const unsent = new Unsent(`unsent chat ${room} ${me}`);

const deliver = (content, key) => post(messagesUrl, { content }, { key });
const told = {
  began({ key, content, at, problem }) {
    timeline.begin(key, content, new Date(at), problem);
    messages.draw();
  },
  arrived(key, message) {
    timeline.arrive(key, message);
    reader.known(message.number); // sending is reading
    messages.draw();
    readIfSeen();
  },
  failed(key, error) {
    const isUncertain = error.status === 0 || error.status >= 500;
    const problem = error.status === 0 ? WAITING : wordsFor(error);
    timeline.fail(key, problem, { isUncertain });
    messages.draw();
    return problem;
  },
};
const sender = new Sender(deliver, unsent, told, { makeKey: newKey });

new Mentions(field, form.querySelector("[data-mentions]"), people);

const composer = new Composer(form, async (content) => {
  notice.stop();
  timeline.unreadFrom = null;
  if (hasLater) {
    // What is said stands at the end, and that is elsewhere.
    sender.keep(content);
    setTimeout(() => location.assign(pageUrl));
    return;
  }
  sender.send(content);
  follower.toEnd();
});

// What is heard

live.addEventListener("member_message", ({ detail }) => {
  typists.stop(detail.userId);
  if (hasLater) {
    newBelow += 1;
    offerTheEnd();
    return;
  }
  hear(detail);
});

for (const news of ["message_updated", "message_deleted"]) {
  live.addEventListener(news, ({ detail }) => {
    if (!timeline.message(detail.id)) return; // further up than what is shown
    timeline.put(detail);
    messages.draw();
  });
}

live.addEventListener("member_added", () => {
  members = null;
  countMembers(1);
});
live.addEventListener("member_updated", ({ detail }) => {
  if (detail.userId === me) page.toggleAttribute("data-manages", detail.chatRole <= ADMIN);
});
live.addEventListener("member_removed", ({ detail }) => {
  members = null;
  countMembers(-1);
  typists.stop(detail.userPk);
});
live.addEventListener("group_updated", ({ detail }) => {
  retitle(room, detail.title);
  const description = document.querySelector("[data-description]");
  description.textContent = detail.description;
  description.hidden = !detail.description;
  document.querySelector("[data-member-count]").textContent = detail.memberCount;
});
live.addEventListener("typing", ({ detail }) => typists.hear(detail));
live.addEventListener("presence", ({ detail }) => {
  const here = document.querySelector("[data-here]");
  reader.readers = detail.count;
  here.textContent = `${detail.count} here`;
  here.hidden = detail.count < 2; // that I am here I know
});
live.addEventListener("resync", refetch);
live.addEventListener("user_removed_from_group", ({ detail }) => (farewell = detail.message));
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "live") resend();
  if (detail === "live" && isStale) refetch();
  if (detail === "refused") end(code);
});
showState(live, document.querySelector("[data-state]"), announcements);

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
  if (button === earlier) showEarlier();
  else if (button === later) showLater();
  else if (button?.matches("[data-edit]")) edit(id);
  else if (button?.matches("[data-delete]")) askToDelete(id);
  else if (button?.matches("[data-retry]")) tryAgain(row.dataset.key);
  else if (button?.matches("[data-discard]")) discard(row.dataset.key);
  else if (row && !target.closest("a, button, form")) toggleTools(row);
});

toEnd.addEventListener("click", () => {
  if (hasLater) location.assign(pageUrl);
  else follower.toEnd();
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
    messages.draw();
  } catch (error) {
    composer.complain(`Not deleted. ${wordsFor(error)}`);
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
  if (key !== unsent.name) return;
  const kept = new Set(unsent.all().map((entry) => entry.key));
  for (const { key: shown } of timeline.uncertain) if (!kept.has(shown)) timeline.discard(shown);
  messages.draw();
});

new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && showEarlier(), {
  root: log,
  rootMargin: "600px 0px 0px",
}).observe(earlier);
new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && showLater(), { root: log }).observe(later);

messages.draw();
sender.resume();
if (found) window.addEventListener("load", showFound);
else follower.toEnd();
showOnline();
copyButtons(page);
wireRoomList({ isReadingRoom: (id) => id === room && isBeingRead() });
live.open();
readIfSeen();
if (matchMedia("(pointer: fine)").matches && !found) field.focus({ preventScroll: true });

// Not sooner: the browser goes to the place named in the address by itself, in its own way.
function showFound() {
  messages.elementOf(found)?.scrollIntoView({ block: "center" });
}

function hear(message) {
  const isMine = message.userId === me;
  const isNews = timeline.put(message) && !isMine;
  if (isNews && !isBeingRead()) {
    if (timeline.unreadFrom === null || timeline.message(timeline.unreadFrom)?.number <= reader.lastRead) timeline.unreadFrom = message.id;
    newBelow += 1;
  }
  messages.draw();
  if (isNews) announce(message);
  offerTheEnd();
  readIfSeen();
}

function announce({ id, senderName }) {
  const words = messages.elementOf(id)?.querySelector("[data-body]").textContent.trim().slice(0, 200);
  announcements.textContent = `${senderName}: ${words}`;
}

function isBeingRead() {
  return document.visibilityState === "visible" && !isAway && !hasLater && !isOver;
}

function readIfSeen() {
  if (!isBeingRead() || timeline.newestId === 0) return;
  const { id, number } = timeline.message(timeline.newestId);
  reader.read({ id, number });
  showAsRead(room, number);
}

function whenAway(isNowAway) {
  isAway = isNowAway;
  if (!isAway) newBelow = 0;
  offerTheEnd();
  readIfSeen();
}

function offerTheEnd() {
  toEnd.hidden = !(isAway || hasLater);
  const words = newBelow === 1 ? "1 new message" : `${newBelow} new messages`;
  toEnd.querySelector("[data-count]").textContent = newBelow > 0 ? words : "To the newest";
  toEnd.classList.toggle("button--main", newBelow > 0);
}

function showOnline() {
  offline.hidden = navigator.onLine;
  if (navigator.onLine) resend();
}

// Everything from the oldest that is shown; what was changed or deleted meanwhile, too.
async function refetch() {
  const oldest = timeline.oldestId;
  let url = oldest === null ? `${messagesUrl}?limit=${PAGE}` : `${messagesUrl}?limit=${PAGE}&after=${oldest - 1}`;
  isStale = true;
  try {
    while (url) {
      const { results, next } = await get(url);
      for (const message of results) timeline.put(message);
      messages.draw();
      url = oldest !== null && next && messagesUrl + new URL(next).search;
    }
    isStale = false;
  } catch (error) {
    composer.complain(error);
  }
  readIfSeen();
}

async function showEarlier() {
  if (earlier.disabled || earlier.hidden) return;
  earlier.disabled = true;
  try {
    const { results, next } = await get(`${messagesUrl}?limit=${EARLIER}&before=${timeline.oldestId}`);
    const stays = messages.elementOf(timeline.oldestId);
    const top = stays.getBoundingClientRect().top;
    for (const message of results) timeline.put(message);
    earlier.hidden = !next;
    page.querySelector("[data-beginning]").hidden = Boolean(next);
    messages.draw();
    log.scrollTop += stays.getBoundingClientRect().top - top;
  } catch (error) {
    composer.complain(error);
  }
  earlier.disabled = false;
}

async function showLater() {
  if (later.disabled || !hasLater) return;
  later.disabled = true;
  try {
    const { results, next } = await get(`${messagesUrl}?limit=${EARLIER}&after=${timeline.newestId}`);
    const top = log.scrollTop;
    for (const message of results) timeline.put(message);
    hasLater = Boolean(next);
    later.hidden = !hasLater;
    messages.draw();
    log.scrollTop = top;
    if (!hasLater) newBelow = 0;
    offerTheEnd();
  } catch (error) {
    composer.complain(error);
  }
  later.disabled = false;
}

// What failed for want of a connection, once there is one.
function resend() {
  for (const { key } of timeline.uncertain) tryAgain(key);
}

function tryAgain(key) {
  timeline.again(key);
  messages.draw();
  sender.again(key);
}

function discard(key) {
  timeline.discard(key);
  sender.discard(key);
  messages.draw();
  field.focus({ preventScroll: true });
}

function edit(id) {
  openEditor(messages.elementOf(id), timeline.message(id).content, {
    async save(content) {
      timeline.put(await patch(`${messagesUrl}${id}/`, { content }));
      messages.draw();
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
function people() {
  members ??= fetchPeople();
  return members;
}

async function fetchPeople() {
  const found = [];
  let url = `${membersUrl}?limit=${PAGE}`;
  try {
    while (url && found.length < PEOPLE_AT_MOST) {
      const { results, next } = await get(url);
      found.push(...results.map(({ userId, displayName }) => ({ userId, name: displayName })));
      url = next && membersUrl + new URL(next).search;
    }
  } catch {
    members = null; // the next letter tries again
  }
  return found.filter(({ userId }) => userId !== me);
}

function end(code) {
  isOver = true;
  sender.close();
  if (code === 4401) location.assign(`${login}?next=${location.pathname}`);
  else leadAway(farewell ?? wordsForClosing(code), home);
}
