// The list of topics, live: counts change in place, new topics wait behind a bar until somebody wants them.

import { showConnectionState } from "../../core/js/connection_state.js";
import { refreshAges } from "../../core/js/dates.js";
import { Refetch } from "../../core/js/refetch.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { wireInbox } from "./inbox_count.js";
import { freshPage, merge } from "./merge.js";
import { plural } from "./plural.js";
import { drawTags } from "./tags.js";

const list = document.querySelector("[data-list]");
const rows = list.querySelector("[data-rows]");
const bar = document.querySelector("[data-news]");
const announcements = document.querySelector("[data-announcements]");
const { socketUrl, since, tag, sort, searchWords } = list.dataset;
const live = new LiveSocket(socketUrl, { since: Number(since) });
const shownRows = new Refetch(() => redraw({ isAsked: false }));
let waiting = new Set(); // ids of new topics
let isBack = false;

live.addEventListener("topic_created", ({ detail }) => {
  if (!belongsHere(detail) || rowOf(detail.id)) return;
  waiting.add(detail.id);
  showBar();
});
live.addEventListener("topic_updated", ({ detail }) => {
  const row = rowOf(detail.id);
  if (row) drawTopic(row, detail);
});
live.addEventListener("topic_deleted", ({ detail }) => {
  if (waiting.delete(detail.id)) showBar();
  const row = rowOf(detail.id);
  if (!row) return;
  // It keeps its place, so that nothing moves under a pointer.
  row.querySelector(".topic__title").textContent = "This topic was deleted.";
  row.querySelector(".topic__context").replaceChildren();
  row.querySelector(".topic__counts").hidden = true;
  delete row.dataset.topic;
  sendShownTopics();
});
live.addEventListener("answer_accepted", ({ detail }) => showAnswered(detail.topicId, true));
live.addEventListener("answer_unaccepted", ({ detail }) => showAnswered(detail.topicId, false));
live.addEventListener("topic_activity", ({ detail }) => showCount(detail.topicId, "replies", detail.replyCount));
live.addEventListener("vote_updated", ({ detail }) => showCount(detail.targetId, "votes", detail.voteCount));
live.addEventListener("resync", () => shownRows.request());
live.addEventListener("authentication", ({ detail }) => {
  if (detail.statusCode !== 200) return;
  queueMicrotask(sendShownTopics);
  // Hints are told once: what they said while nobody listened is fetched.
  if (isBack) shownRows.request();
  isBack = true;
});
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "live") shownRows.retryNow();
  if (detail === "refused") shownRows.close();
  if (detail === "refused" && code === 4401) location.reload(); // the server leads to the door
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);
live.open();
wireInbox();
refreshAges();

bar.addEventListener("click", () => {
  // Where the new ones are: on the first page.
  if (list.dataset.page !== "1") location.assign(firstPage());
  else redraw({ isAsked: true });
});
document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey, target } = event;
  if (key !== "/" || ctrlKey || metaKey || altKey || target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  document.querySelector("[data-search]").select();
});

// Which words are found is the server's to say: a search does not grow by itself.
function belongsHere({ tags, replyCount }) {
  if (searchWords) return false;
  return (!tag || tags.includes(tag)) && (sort !== "unanswered" || replyCount === 0);
}

// Without being asked for, the rows that are shown stay, and only what they say changes; new ones wait behind the bar.
async function redraw({ isAsked }) {
  const known = waiting;
  if (isAsked) waiting = new Set(); // what comes meanwhile waits anew
  let fresh;
  try {
    fresh = (await freshPage(isAsked ? firstPage() : location.href)).querySelector("[data-list]");
  } catch (error) {
    waiting = new Set([...known, ...waiting]);
    if (isAsked) return; // the next click tries again
    throw error;
  }
  const freshRows = fresh.querySelector("[data-rows]");
  if (isAsked || rows.children.length === 0) {
    merge(rows, freshRows);
    waiting = new Set([...waiting].filter((id) => !rowOf(id)));
    list.querySelector("[data-empty]")?.remove();
    if (isAsked) rows.querySelector("a")?.focus();
  } else {
    for (const row of [...freshRows.children]) {
      const here = rowOf(row.dataset.topic);
      if (here) here.replaceWith(document.adoptNode(row));
      else if (Number(row.dataset.topic) > newest()) waiting.add(Number(row.dataset.topic));
    }
  }
  showBar();
  sendShownTopics();
}

function newest() {
  return Math.max(0, ...shown());
}

function showBar() {
  const words = `${waiting.size} new ${plural(waiting.size, "topic")}`;
  bar.hidden = waiting.size === 0;
  bar.textContent = words;
}

function drawTopic(row, { title, tags, isClosed, isPinned, voteCount, replyCount, hasAcceptedAnswer, id }) {
  row.querySelector("[data-title]").textContent = title;
  drawTags(row.querySelector("[data-tags]"), tags, location.pathname);
  row.querySelector("[data-closed]").hidden = !isClosed;
  row.querySelector("[data-pinned]").hidden = !isPinned;
  row.classList.toggle("topic--pinned", isPinned);
  showCount(id, "votes", voteCount);
  showCount(id, "replies", replyCount);
  showAnswered(id, hasAcceptedAnswer);
}

function showCount(id, what, count) {
  const row = rowOf(id);
  if (!row) return;
  row.querySelector(`[data-${what}]`).textContent = count;
  const words = what === "votes" ? plural(Math.abs(count), "vote") : plural(count, "reply", "replies");
  row.querySelector(`[data-${what}-word]`).textContent = words;
}

function showAnswered(id, isAnswered) {
  const mark = rowOf(id)?.querySelector("[data-answered]");
  if (mark) mark.hidden = !isAnswered;
}

function sendShownTopics() {
  live.send("show_topics", { topicIds: shown() });
}

function shown() {
  return [...rows.querySelectorAll("[data-topic]")].map((row) => Number(row.dataset.topic));
}

function rowOf(id) {
  return rows.querySelector(`[data-topic="${id}"]`);
}

function firstPage() {
  const url = new URL(location.href);
  url.searchParams.delete("page");
  return url.href;
}
