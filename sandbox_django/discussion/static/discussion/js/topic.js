// One topic, live: replies, votes, edits and the accepted answer appear where they belong, and move nothing.

import { get, post } from "../../core/js/api.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { copyButtons } from "../../core/js/copy.js";
import { refreshAges, showAge } from "../../core/js/dates.js";
import { errorMessage } from "../../core/js/error_message.js";
import { Refetch } from "../../core/js/refetch.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { askToDelete } from "./deletion.js";
import { openEditor } from "./editor.js";
import { wireInbox } from "./inbox_count.js";
import { freshPage, merge } from "./merge.js";
import { plural } from "./plural.js";
import { PostForm } from "./post_form.js";
import { Posts } from "./posts.js";
import { drawTags } from "./tags.js";
import { showError, isVoting, showVotes, wireVotes } from "./votes.js";

const ATTEMPTS = 5;

const page = document.querySelector("[data-topic]");
const status = page.querySelector("[data-status]");
const news = page.querySelector("[data-news]");
const announcements = document.querySelector("[data-announcements]");
const form = page.querySelector("[data-reply-form]");
const { api, home, repliesUrl, socketUrl, since, login } = page.dataset;
const posts = new Posts(page);
const live = new LiveSocket(socketUrl, { since: Number(since) });
const refetchAll = new Refetch(redraw);
const counted = new Set(); // replies that were made while this page is open
let unseen = [];
let drawnSince = Number(since); // of the events that the server's last drawing shows
let isGone = false;
let isBack = false;

onEvent("reply_created", (detail) => {
  countReply(detail);
  if (!posts.reply(detail.id)) addReply(detail);
});
onEvent("reply_updated", (detail) => {
  const article = posts.reply(detail.id);
  if (article) posts.change(article, detail);
});
onEvent("reply_deleted", (detail) => {
  removeReply(detail.id);
  showReplyCount(detail.replyCount);
  showActive(detail.lastActivityAt);
});
onEvent("topic_updated", drawTopic);
onEvent("topic_deleted", showGone);
onEvent("answer_accepted", (detail) => showAccepted(detail.replyId));
onEvent("answer_unaccepted", () => showAccepted(null));
live.addEventListener("vote_updated", ({ detail }) => {
  const article = detail.targetType === "topic" ? posts.question : posts.reply(detail.targetId);
  if (article) showVotes(article, detail.voteCount);
});
live.addEventListener("resync", () => refetchAll.request());
live.addEventListener("authentication", ({ detail }) => {
  if (detail.statusCode !== 200) return;
  // Hints about votes are told once: what they said while nobody listened is fetched.
  if (isBack) refetchAll.request();
  isBack = true;
});
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "live") refetchAll.retryNow();
  if (detail !== "refused") return;
  refetchAll.close();
  if (code === 4401) location.assign(`${login}?next=${location.pathname}`);
  else showGone();
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);
live.open();
wireInbox();
refreshAges();
wireVotes(page);
copyButtons(page);

new PostForm(form, (body, key) => post(repliesUrl, body, { key }), (reply) => {
  countReply(reply);
  if (page.dataset.hasMore !== undefined) {
    location.assign(`?reply=${reply.id}#reply-${reply.id}`);
    return;
  }
  const article = posts.reply(reply.id) ?? posts.add(reply);
  markSeen(article);
  article.scrollIntoView({ block: "nearest" });
  announcements.textContent = "Your reply is posted.";
});

page.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-edit], a[data-delete]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const article = link.closest("[data-post]");
  if (link.matches("[data-delete]")) confirmDeletion(article);
  else {
    const isQuestion = article === posts.question;
    openEditor(article, {
      saved: (answer) => (isQuestion ? drawTopic(answer) : posts.change(article, answer)),
      closed: () => {},
    });
  }
});

page.addEventListener("submit", async (event) => {
  const acceptance = event.target.matches("[data-accept]");
  if (!acceptance && !event.target.closest("[data-moderate]")) return;
  event.preventDefault();
  const article = event.target.closest("[data-post]") ?? posts.question;
  showError(article, "");
  try {
    if (acceptance) await accept(event.submitter.value);
    else await moderate(event.submitter);
  } catch (error) {
    showError(article, errorMessage(error));
  }
});

news.addEventListener("click", () => {
  if (page.dataset.hasMore !== undefined) {
    location.assign(`?reply=${unseen.at(-1)}#reply-${unseen.at(-1)}`);
    return;
  }
  const first = posts.reply(unseen[0]);
  unseen = [];
  showNews();
  first?.scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
});

const inSight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) markSeen(target);
});

function onEvent(action, handler) {
  live.addEventListener(action, ({ detail, seq }) => seq > drawnSince && handler(detail));
}

function countReply({ id, createdAt }) {
  if (counted.has(id)) return;
  counted.add(id);
  showReplyCount(Number(page.querySelector("[data-reply-count]").textContent) + 1);
  showActive(createdAt);
}

function addReply(reply) {
  const author = reply.author?.displayName ?? "Somebody";
  announcements.textContent = `${author} has replied.`;
  unseen.push(reply.id);
  if (page.dataset.hasMore === undefined) inSight.observe(posts.add(reply));
  showNews();
}

function markSeen(article) {
  inSight.unobserve(article);
  unseen = unseen.filter((id) => article.id !== `reply-${id}`);
  showNews();
}

function showNews() {
  news.hidden = unseen.length === 0;
  page.querySelector("[data-news-words]").textContent = `${unseen.length} new ${plural(unseen.length, "reply", "replies")}`;
}

function removeReply(id) {
  const article = posts.reply(id);
  unseen = unseen.filter((other) => other !== id);
  showNews();
  if (!article || article.matches(".post--deleted")) return;
  // It keeps its place for whoever is reading what stands below it.
  article.classList.add("post--deleted");
  article.querySelector("[data-body]").replaceChildren(paragraphOf("This reply was deleted."));
  article.querySelector("[data-editor-place]").replaceChildren();
  article.querySelector("[data-body]").hidden = false;
  for (const part of article.querySelectorAll("[data-vote], [data-tools], [data-edited]")) part.hidden = true;
}

function paragraphOf(words) {
  const line = document.createElement("p");
  line.className = "faint";
  line.textContent = words;
  return line;
}

function showReplyCount(count) {
  page.querySelector("[data-reply-count]").textContent = count;
  page.querySelector("[data-reply-word]").textContent = plural(count, "reply", "replies");
}

function showActive(at) {
  const time = status.querySelector("[data-active]");
  time.dateTime = at;
  showAge(time);
}

function drawTopic({ title, tags, isClosed, isPinned, ...topic }) {
  page.querySelector("[data-title-here]").textContent = title;
  document.title = document.title.replace(page.dataset.title, () => title);
  page.dataset.title = title;
  drawTags(status.querySelector("[data-tags]"), tags, home);
  status.querySelector("[data-pinned]").hidden = !isPinned;
  status.querySelector("[data-closed]").hidden = !isClosed;
  page.querySelector("[data-closed-notice]").hidden = !isClosed;
  form.hidden = isClosed;
  const [close, pin] = [page.querySelector("[data-close]"), page.querySelector("[data-pin]")];
  if (close) {
    [close.value, close.textContent] = isClosed ? ["0", "Reopen"] : ["1", "Close"];
    [pin.value, pin.textContent] = isPinned ? ["0", "Unpin"] : ["1", "Pin to the top"];
  }
  posts.change(posts.question, topic);
}

function showAccepted(id) {
  posts.accept(id);
  const mark = status.querySelector("[data-answered]");
  mark.hidden = id === null;
  mark.hash = id === null ? "" : `reply-${id}`;
}

function showGone() {
  if (isGone) return;
  isGone = true;
  live.close();
  page.querySelector("[data-gone]").hidden = false;
  document.querySelector("[data-state]").textContent = "Closed";
  for (const part of page.querySelectorAll("[data-reply-form], [data-tools], [data-vote], [data-moderate]")) {
    part.hidden = true;
  }
}

async function accept(id) {
  if (id) await post(`${api}accept-answer/`, { replyId: Number(id) });
  else await post(`${api}unaccept-answer/`, {});
  showAccepted(id ? Number(id) : null);
}

async function moderate({ name, value }) {
  const actions = { is_closed: { 1: "close", 0: "reopen" }, is_pinned: { 1: "pin", 0: "unpin" } };
  drawTopic(await post(`${api}${actions[name][value]}/`, {}));
}

function confirmDeletion(article) {
  const isQuestion = article === posts.question;
  askToDelete({
    question: isQuestion ? "Delete this topic?" : "Delete this reply?",
    consequence: isQuestion
      ? "This deletes the topic with all replies and votes. It can't be undone."
      : "This deletes the reply and its votes for everyone. It can't be undone.",
    url: article.dataset.api,
    deleted: () => (isQuestion ? location.assign(home) : removeReply(Number(article.dataset.post))),
  });
}

// What is being written in, or voted on, stays as it is.
async function redraw() {
  try {
    const fresh = await freshTopic();
    drawnSince = Number(fresh.dataset.since);
    const keep = (article) => article.matches(".post--editing") || isVoting(article);
    merge(posts.place, fresh.querySelector("[data-replies]"), { keep });
    showReplyCount(Number(fresh.querySelector("[data-reply-count]").textContent));
    const { acceptedAnswer, ...topic } = await get(api);
    drawTopic(topic);
    showAccepted(acceptedAnswer?.id ?? null);
  } catch (error) {
    if (error.status !== 404) throw error;
    showGone();
  }
}

// Not one that is older than what is heard meanwhile: that would be wiped away.
async function freshTopic() {
  for (let attempt = 0; ; attempt += 1) {
    const fresh = (await freshPage()).querySelector("[data-topic]");
    if (Number(fresh.dataset.since) >= live.since || attempt === ATTEMPTS) return fresh;
  }
}
