// The live list of topics. Counts change in place, and a bar announces new topics.

import { showConnectionState } from "../../core/js/connection_state.js";
import { refreshAges } from "../../core/js/dates.js";
import { freshPage, merge } from "../../core/js/fresh_page.js";
import { wireListKeys } from "../../core/js/list_keys.js";
import { LiveList } from "../../core/js/live_list.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { wireInbox } from "./inbox_count.js";
import { plural } from "./plural.js";
import { drawTags } from "./tags.js";
import { WaitingTopics } from "./waiting_topics.js";

const SIGNED_OUT = 4401;

const list = document.querySelector("[data-list]");
const rows = list.querySelector("[data-rows]");
const bar = document.querySelector("[data-news]");
const { socketUrl, since, tag, sort, searchWords } = list.dataset;
const waiting = new WaitingTopics(bar);
const live = new LiveSocket(socketUrl, { since: Number(since) });
const topics = new LiveList(live, { fetch: () => fetchList(location.href), show: update, hasHints: true });

topics.on("topic_created", (topic) => {
  if (belongsHere(topic) && !rowOf(topic.id)) waiting.add(topic.id);
});
topics.on("topic_updated", (topic) => {
  const row = rowOf(topic.id);
  if (row) drawTopic(row, topic);
});
topics.on("topic_deleted", ({ id }) => {
  waiting.remove(id);
  const row = rowOf(id);
  if (!row) return;
  // The deleted topic's row keeps its place, so that no row moves under the pointer.
  row.querySelector(".topic__title").textContent = "This topic was deleted.";
  row.querySelector(".topic__context").replaceChildren();
  row.querySelector(".topic__counts").hidden = true;
  delete row.dataset.topic;
  sendShownTopics();
});
topics.on("answer_accepted", ({ topicId }) => showAnswered(topicId, true));
topics.on("answer_unaccepted", ({ topicId }) => showAnswered(topicId, false));
topics.on("topic_activity", ({ topicId, replyCount }) => showCount(topicId, "replies", replyCount));
topics.on("vote_updated", ({ targetId, voteCount }) => showCount(targetId, "votes", voteCount));
topics.on("authentication", ({ statusCode }) => statusCode === 200 && queueMicrotask(sendShownTopics));
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "refused" && code === SIGNED_OUT) location.reload(); // the server redirects to the sign-in page
});
showConnectionState(live, document.querySelector("[data-state]"), document.querySelector("[data-announcements]"));
live.open();
wireInbox();
refreshAges();
wireListKeys();

bar.addEventListener("click", () => {
  // The first page of the list has the new topics.
  if (list.dataset.page !== "1") location.assign(firstPage());
  else showWaiting();
});

// Returns whether a new topic belongs into this list. Only the server knows whether a search finds it.
function belongsHere({ tags, replyCount }) {
  if (searchWords) return false;
  return (!tag || tags.includes(tag)) && (sort !== "unanswered" || replyCount === 0);
}

async function fetchList(url) {
  const fresh = (await freshPage(url)).querySelector("[data-list]");
  return { seq: Number(fresh.dataset.since), freshRows: fresh.querySelector("[data-rows]") };
}

// Updates the rows that are shown, in place. A bar announces new rows.
function update({ freshRows }) {
  if (rows.children.length === 0) fill(freshRows);
  else {
    for (const row of [...freshRows.children]) {
      const here = rowOf(row.dataset.topic);
      if (here) here.replaceWith(document.adoptNode(row));
      else if (Number(row.dataset.topic) > newest()) waiting.add(Number(row.dataset.topic));
    }
  }
  sendShownTopics();
}

async function showWaiting() {
  const taken = waiting.take();
  try {
    fill((await fetchList(firstPage())).freshRows);
  } catch {
    for (const id of taken) waiting.add(id); // the next click fetches them again
    return;
  }
  rows.querySelector("a")?.focus();
  sendShownTopics();
}

function fill(freshRows) {
  merge(rows, freshRows);
  for (const id of shown()) waiting.remove(id);
  list.querySelector("[data-empty]")?.remove();
}

function newest() {
  return Math.max(0, ...shown());
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

function showCount(id, kind, count) {
  const row = rowOf(id);
  if (!row) return;
  row.querySelector(`[data-${kind}]`).textContent = count;
  const words = kind === "votes" ? plural(Math.abs(count), "vote") : plural(count, "reply", "replies");
  row.querySelector(`[data-${kind}-word]`).textContent = words;
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
