// The page of one conversation: connects the socket, the transcript and the composer.

import { get, newKey, post } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { copyButtons, copyText } from "../../core/js/copy.js";
import { PagedLog } from "../../core/js/live_list.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { showTitle, wireConversationList } from "./conversation_list.js";
import { wireConversationMenu } from "./conversation_menu.js";
import { Transcript } from "./transcript.js";

const page = document.querySelector("[data-conversation]");
const log = document.querySelector("[data-log]");
const form = document.querySelector("[data-composer]");
const stop = form.querySelector("[data-stop]");
const send = form.querySelector("[data-send]");
const earlier = page.querySelector("[data-earlier]") ?? addEarlierButton();
const announcements = document.querySelector("[data-announcements]");
const { messagesUrl, socketUrl, since } = page.dataset;

const transcript = new Transcript(page, document.querySelector("[data-blank]"), { hasEarlier: !earlier.hidden });
const live = new LiveSocket(socketUrl, { since: Number(since) });
const messages = new PagedLog(live, {
  url: messagesUrl,
  items: transcript,
  draw: updateButtons,
  failed: (error) => composer.showError(error),
  log,
  earlier,
  toEnd: document.querySelector("[data-to-end]"),
});

const composer = new Composer(form, async (content, key) => {
  transcript.await(await post(messagesUrl, { content }, { key }));
  messages.toEnd();
  updateButtons();
});

messages.on("new_assistant_message", (question) => {
  transcript.await(question);
  announcements.textContent = "The assistant is answering.";
  updateButtons();
});
messages.on("streaming", (chunk) => {
  transcript.append(chunk);
  updateButtons();
});
messages.on("answer_blocks", (blocks) => transcript.drawBlocks(blocks));
messages.on("complete_streaming", (end) => {
  transcript.complete(end);
  announcements.textContent = end.status === "stopped" ? "The answer was stopped." : "The answer is finished.";
  updateButtons();
});
messages.on("assistant_error", (end) => {
  if (!transcript.fail(end)) messages.request({ spread: 0 });
  announcements.textContent = end.content;
  updateButtons();
});
messages.on("conversation_updated", showTitle);
live.addEventListener("state", ({ detail }) => {
  if (detail === "refused") composer.showError("This conversation is no longer available. Reload the page to see why.");
});
showConnectionState(live, document.querySelector("[data-state]"), announcements);
live.open();
setInitialFocus();

stop.addEventListener("click", async () => {
  stop.disabled = true;
  try {
    await post(`${messagesUrl}${transcript.newestQuestionId}/stop/`);
    // When the answer ends, its event hides the button on every open page of the conversation.
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
});

copyButtons(document);
wireConversationList();
wireConversationMenu();

// The server renders this button only if there are earlier messages. The page may also need it after missed events.
function addEarlierButton() {
  const button = document.createElement("button");
  button.className = "button button--quiet log__earlier";
  button.type = "button";
  button.textContent = "Show earlier messages";
  button.hidden = true;
  page.prepend(button);
  return button;
}

async function retryAnswer(button, message) {
  button.disabled = true;
  try {
    transcript.put(await post(`${messagesUrl}${message.dataset.message}/${button.dataset.again}/`, {}, { key: newKey() }));
    log.focus({ preventScroll: true });
    messages.toEnd();
    updateButtons();
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
  // Hiding the focused button would lose the focus, so the log gets it. The composer would open a phone's keyboard.
  if (!isAnswering && document.activeElement === stop) log.focus({ preventScroll: true });
  stop.hidden = !isAnswering;
  send.hidden = isAnswering;
  if (isAnswering) return;
  stop.disabled = false;
  composer.resolve("answer_in_progress");
}

// Focuses the composer, because users want to type next. On a phone, that would open the keyboard over the answer, so
// the log gets the focus there.
function setInitialFocus() {
  if (document.activeElement !== document.body) return;
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) composer.focus();
  else log.focus({ preventScroll: true });
}
