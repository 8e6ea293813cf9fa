// The page of one conversation: joins what is heard, what is drawn and what is said.

import { get, newKey, post } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { copyButtons, copyText } from "../../core/js/copy.js";
import { StickToBottom } from "../../core/js/stick_to_bottom.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { Refetch } from "../../core/js/refetch.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { showTitle, wireConversationList } from "./conversation_list.js";
import { wireConversationMenu } from "./conversation_menu.js";
import { Transcript } from "./transcript.js";

const PAGE = 100;
const EARLIER = 50;

const page = document.querySelector("[data-conversation]");
const log = document.querySelector("[data-log]");
const form = document.querySelector("[data-composer]");
const stop = form.querySelector("[data-stop]");
const send = form.querySelector("[data-send]");
const toEnd = document.querySelector("[data-to-end]");
const announcements = document.querySelector("[data-announcements]");
const { messagesUrl, socketUrl, since } = page.dataset;

const transcript = new Transcript(page, document.querySelector("[data-blank]"));
const live = new LiveSocket(socketUrl, { since: Number(since) });
const refetchAll = new Refetch(refetch);
const scroller = new StickToBottom(log, { onAwayChange: (isAway) => (toEnd.hidden = !isAway) });

const composer = new Composer(form, async (content, key) => {
  const question = await post(messagesUrl, { content }, { key });
  transcript.await(question);
  scroller.toEnd();
  updateButtons();
});

live.addEventListener("new_assistant_message", ({ detail }) => {
  transcript.await(detail);
  announcements.textContent = "The assistant is answering.";
  updateButtons();
});

live.addEventListener("streaming", ({ detail }) => {
  transcript.append(detail);
  updateButtons();
});

live.addEventListener("answer_blocks", ({ detail }) => transcript.drawBlocks(detail));

live.addEventListener("complete_streaming", ({ detail }) => {
  transcript.complete(detail);
  announcements.textContent = detail.status === "stopped" ? "The answer was stopped." : "The answer is finished.";
  updateButtons();
});

live.addEventListener("assistant_error", ({ detail }) => {
  if (!transcript.fail(detail)) refetchAll.request({ spread: 0 });
  announcements.textContent = detail.content;
  updateButtons();
});

live.addEventListener("conversation_updated", ({ detail }) => showTitle(detail));
live.addEventListener("resync", () => refetchAll.request());
live.addEventListener("state", ({ detail }) => {
  if (detail === "live") refetchAll.retryNow();
  if (detail === "refused") refetchAll.close();
  if (detail === "refused") composer.showError("This conversation is no longer available. Reload the page to see why.");
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);
live.open();
setInitialFocus();

stop.addEventListener("click", async () => {
  stop.disabled = true;
  try {
    await post(`${messagesUrl}${transcript.newestQuestionId}/stop/`);
    // The button goes when the end is told, to this page and to every other.
  } catch (error) {
    composer.showError(error);
    stop.disabled = false;
  }
});

page.addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  const message = button?.closest("[data-message]");
  if (button?.dataset.again) await retryAnswer(button, message);
  else if (button?.dataset.turn) transcript.turn(message, Number(button.dataset.turn));
  else if (button?.matches("[data-copy-answer]")) await copyText(sourceOf(message), button);
  else if (button?.matches("[data-earlier]")) await showEarlier(button);
});

toEnd.addEventListener("click", () => scroller.toEnd());
copyButtons(document);
wireConversationList();
wireConversationMenu();

async function retryAnswer(button, message) {
  button.disabled = true;
  try {
    transcript.draw(await post(`${messagesUrl}${message.dataset.message}/${button.dataset.again}/`, {}, { key: newKey() }));
    log.focus({ preventScroll: true });
    scroller.toEnd();
    updateButtons();
  } catch (error) {
    composer.showError(error);
  }
  button.disabled = false;
}

async function refetch() {
  const oldest = transcript.oldestQuestionId;
  await drawAll(`${messagesUrl}?limit=${PAGE}${oldest ? `&after=${oldest - 1}` : ""}`);
}

async function drawAll(url) {
  const { results, next } = await get(url);
  results.forEach((message) => transcript.draw(message));
  updateButtons();
  if (next) await drawAll(messagesUrl + new URL(next).search);
}

async function showEarlier(button) {
  button.disabled = true;
  try {
    const { results, next } = await get(`${messagesUrl}?limit=${EARLIER}&before=${transcript.oldestQuestionId}`);
    const height = log.scrollHeight;
    results.forEach((message) => transcript.draw(message));
    log.scrollTop += log.scrollHeight - height;
    button.hidden = !next;
  } catch (error) {
    composer.showError(error);
  }
  button.disabled = false;
}

async function sourceOf(message) {
  return (await get(`${messagesUrl}${message.dataset.message}/`)).content;
}

function updateButtons() {
  const { isAnswering } = transcript;
  // A button that goes takes the focus with it: keep it near, but raise no phone's keyboard.
  if (!isAnswering && document.activeElement === stop) log.focus({ preventScroll: true });
  stop.hidden = !isAnswering;
  send.hidden = isAnswering;
  if (isAnswering) return;
  stop.disabled = false;
  composer.resolve("answer_in_progress");
}

// A page that was just opened has the focus on its body, from where Tab begins at the top. The box is next; but on a phone
// it would raise the keyboard over the answer, so there the log gets the focus.
function setInitialFocus() {
  if (document.activeElement !== document.body) return;
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) composer.focus();
  else log.focus({ preventScroll: true });
}
