// The page of one topic. Connects the socket, the posts and the forms. Live changes appear in place, and move nothing.

import { get, post } from "../../core/js/api.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { copyButtons } from "../../core/js/copy.js";
import { refreshAges } from "../../core/js/dates.js";
import { askToDelete } from "../../core/js/delete_dialog.js";
import { errorMessage } from "../../core/js/error_message.js";
import { freshPage, merge } from "../../core/js/fresh_page.js";
import { LiveList } from "../../core/js/live_list.js";
import { onSocketRefused } from "../../core/js/socket_refusal.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { openEditor } from "./editor.js";
import { wireInbox } from "./inbox_count.js";
import { NewReplies } from "./new_replies.js";
import { PostForm } from "./post_form.js";
import { Posts } from "./posts.js";
import { TopicHead } from "./topic_head.js";
import { isVoting, showError, showVotes, wireVotes } from "./votes.js";

const page = document.querySelector("[data-topic]");
const announcements = document.querySelector("[data-announcements]");
const { api, home, repliesUrl, socketUrl, since, login } = page.dataset;
const isLastPage = page.dataset.hasMore === undefined;
const posts = new Posts(page);
const head = new TopicHead(page);
const newReplies = new NewReplies(page);
const live = new LiveSocket(socketUrl, { since: Number(since) });
const list = new LiveList(live, { fetch: fetchTopic, show: showTopic, hasHints: true });

list.on("reply_created", (reply) => {
  countReply(reply);
  if (!posts.reply(reply.id)) addReply(reply);
});
list.on("reply_updated", (reply) => {
  const article = posts.reply(reply.id);
  if (article) posts.change(article, reply);
});
list.on("reply_deleted", ({ id, replyCount, lastActivityAt }) => {
  removeReply(id);
  head.showReplyCount(replyCount);
  head.showActive(lastActivityAt);
});
list.on("topic_updated", drawTopic);
list.on("topic_deleted", showDeleted);
list.on("answer_accepted", ({ replyId }) => showAccepted(replyId));
list.on("answer_unaccepted", () => showAccepted(null));
list.on("vote_updated", ({ targetType, targetId, voteCount }) => {
  const article = targetType === "topic" ? posts.question : posts.reply(targetId);
  if (article) showVotes(article, voteCount);
});
onSocketRefused(live, { login, refused: showDeleted });
showConnectionState(live, document.querySelector("[data-state]"), announcements);
live.open();
wireInbox();
refreshAges();
wireVotes(page);
copyButtons(page);

new PostForm(page.querySelector("[data-reply-form]"), (body, key) => post(repliesUrl, body, { key }), (reply) => {
  countReply(reply);
  if (!isLastPage) {
    goToReply(reply.id);
    return;
  }
  const article = posts.reply(reply.id) ?? posts.add(reply);
  newReplies.markSeen(article);
  article.scrollIntoView({ block: "nearest" });
  announcements.textContent = "Your reply is posted.";
});

page.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-edit], a[data-delete]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const article = link.closest("[data-post]");
  if (link.matches("[data-delete]")) confirmDeletion(article);
  else openEditor(article, (saved) => (article === posts.question ? drawTopic(saved) : posts.change(article, saved)));
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

page.querySelector("[data-news]").addEventListener("click", () => {
  if (!isLastPage) {
    goToReply(newReplies.newest);
    return;
  }
  const first = posts.reply(newReplies.takeFirst());
  first?.scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
});

function countReply(reply) {
  if (newReplies.count(reply.id)) head.addReply(reply);
}

function addReply(reply) {
  announcements.textContent = `${reply.author?.displayName ?? "Someone"} has replied.`;
  newReplies.add(reply.id, isLastPage ? posts.add(reply) : null);
}

function removeReply(id) {
  newReplies.remove(id);
  posts.remove(id);
}

function goToReply(id) {
  location.assign(`?reply=${id}#reply-${id}`);
}

function drawTopic(topic) {
  head.draw(topic);
  posts.change(posts.question, topic);
}

function showAccepted(id) {
  posts.accept(id);
  head.showAccepted(id);
}

function showDeleted() {
  live.close();
  list.close();
  head.showDeleted();
  document.querySelector("[data-state]").textContent = "Closed";
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

async function fetchTopic() {
  try {
    const fresh = (await freshPage()).querySelector("[data-topic]");
    return { seq: Number(fresh.dataset.since), fresh, topic: await get(api) };
  } catch (error) {
    if (error.status === 404) showDeleted();
    throw error;
  }
}

// Shows the server's current page of the topic. A reply that the user is editing or voting on stays unchanged.
function showTopic({ fresh, topic }) {
  const keep = (article) => article.matches(".post--editing") || isVoting(article);
  merge(posts.place, fresh.querySelector("[data-replies]"), { keep });
  head.showReplyCount(Number(fresh.querySelector("[data-reply-count]").textContent));
  drawTopic(topic);
  showAccepted(topic.acceptedAnswer?.id ?? null);
}
