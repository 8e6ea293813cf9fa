// Draws the loaded messages of a conversation, each message once, whether the API or the socket delivers it. Of several
// answers to one question, it shows the newest.

import { nodesOf } from "../../core/js/server_html.js";
import { StreamingMessage } from "./streaming_message.js";

const STOPPED = "You stopped this answer.";

export class Transcript {
  #root;
  #blank;
  #writing = new Map(); // by element
  #hasEarlier;

  constructor(root, blank, { hasEarlier }) {
    this.#root = root;
    this.#hasEarlier = hasEarlier;
    this.#blank = blank.content.querySelector("[data-exchange]");
    for (const exchange of root.querySelectorAll("[data-exchange]")) this.#countAttempts(exchange);
    document.addEventListener("selectionchange", () => this.#writing.forEach((writing) => writing.release()));
  }

  get isAnswering() {
    return this.#root.querySelector('[data-status="streaming"]') !== null;
  }

  // The id of the newest question.
  get newestQuestionId() {
    return lastOf(this.#root.querySelectorAll("[data-exchange]"))?.dataset.exchange;
  }

  get oldestId() {
    const ids = this.#ids();
    return ids.length > 0 ? Math.min(...ids) : null;
  }

  get newestId() {
    const ids = this.#ids();
    return ids.length > 0 ? Math.max(...ids) : null;
  }

  get hasEarlier() {
    return this.#hasEarlier;
  }

  // Always false, because the newest messages are always loaded.
  get hasLater() {
    return false;
  }

  // Adds messages from the API that are older than the page's messages, or newer versions of these.
  add(messages, { isStart }) {
    for (const message of messages) this.put(message);
    if (isStart) this.#hasEarlier = false;
  }

  // Adds the conversation's newest messages. If messages between these and the page's messages may be missing, the
  // page's messages are removed. The button for earlier messages loads them again.
  addNewest(messages, { isStart }) {
    if (messages.length > 0 && !(messages[0].id <= this.newestId)) {
      for (const exchange of this.#root.querySelectorAll("[data-exchange]")) exchange.remove();
      this.#writing.clear();
      this.#hasEarlier = !isStart;
    }
    for (const message of messages) this.put(message);
  }

  // Draws a message from the API.
  put(message) {
    if (message.messageType === "user") this.#drawQuestion(message);
    else this.#drawAnswer(message);
  }

  // Draws a question, and an empty answer in which the first chunk will appear.
  await(question) {
    this.#drawQuestion(question);
    const exchange = this.#exchange(question.id);
    if (!exchange.querySelector(".message--answer")) this.#addAnswer(exchange, "");
  }

  append({ messageId, replyId, offset, content }) {
    const answer = this.#answer(messageId, replyId);
    if (answer.dataset.status === "streaming") this.#writingIn(answer).append({ offset, content });
  }

  // Draws completed blocks of a running answer.
  drawBlocks({ messageId, replyId, offset, length, html }) {
    const answer = this.#answer(messageId, replyId);
    if (answer.dataset.status === "streaming") this.#writingIn(answer).draw({ offset, length }, nodesOf(html));
  }

  complete({ messageId, replyId, status, contentHtml, errorDetail, model, usage }) {
    this.#end(this.#answer(messageId, replyId), { status, contentHtml, words: errorDetail, model, usage });
  }

  // Ends an answer as failed, with its text so far. Returns whether the page has all of that text: events that an older
  // release has stored have no HTML.
  fail({ messageId, replyId, content, contentHtml, length }) {
    const answer = this.#answer(messageId, replyId);
    const isWhole =
      contentHtml !== undefined ||
      answer.dataset.status !== "streaming" ||
      this.#writingIn(answer).length === length;
    this.#end(answer, { status: "failed", contentHtml, words: content });
    return isWhole;
  }

  // Shows the next (`by` = 1) or previous (`by` = -1) answer to the same question.
  turn(answer, by) {
    const exchange = answer.parentElement;
    const answers = [...exchange.querySelectorAll(".message--answer")];
    const shown = answers[answers.indexOf(answer) + by];
    for (const one of answers) one.toggleAttribute("data-shown", one === shown);
    exchange.toggleAttribute("data-turned", true);
    shown.querySelector(`[data-turn="${by}"]:not([disabled]), [data-turn]:not([disabled])`).focus();
  }

  #drawQuestion({ id, content }) {
    const exchange = this.#exchange(id);
    if (exchange.querySelector(".message--question")) return;
    const question = this.#blank.querySelector(".message--question").cloneNode(true);
    question.dataset.message = id;
    question.querySelector("[data-body]").textContent = content;
    exchange.prepend(question);
  }

  #drawAnswer({ id, questionId, status, content, contentHtml, errorDetail, model, usage }) {
    const answer = this.#answer(questionId, id);
    if (answer.dataset.status !== "streaming") return; // A finished answer does not change.
    if (status === "streaming") {
      this.#writingIn(answer).append({ offset: 0, content });
      return;
    }
    this.#end(answer, { status, contentHtml, words: errorDetail, model, usage });
  }

  #end(answer, { status, contentHtml, words = "", model = "", usage }) {
    const body = answer.querySelector("[data-body]");
    if (contentHtml !== undefined) redraw(body, nodesOf(contentHtml));
    else if (!body.textContent) body.replaceChildren();
    answer.dataset.status = status;
    const problem = answer.querySelector("[data-problem]");
    problem.hidden = status === "complete" && !words;
    problem.querySelector("[data-again]").hidden = status === "complete";
    for (const name of ["notice", "notice--bad"]) problem.classList.toggle(name, status === "failed");
    problem.querySelector("[data-words]").textContent = status === "stopped" ? STOPPED : words;
    answer.querySelector("[data-model]").textContent = usage ? `${model} · ${usage.outputTokens} tokens` : model;
    this.#writing.delete(answer);
  }

  #writingIn(answer) {
    if (!this.#writing.has(answer)) this.#writing.set(answer, new StreamingMessage(answer));
    return this.#writing.get(answer);
  }

  // Returns the answer's element. If there is none, it uses the empty answer from `await`, or adds an element.
  #answer(questionId, replyId) {
    const known = this.#root.querySelector(`.message--answer[data-message="${replyId}"]`);
    if (known) return known;
    const exchange = this.#exchange(questionId);
    const kept = exchange.querySelector('.message--answer[data-message=""]');
    if (!kept) return this.#addAnswer(exchange, replyId);
    kept.dataset.message = replyId;
    return kept;
  }

  #addAnswer(exchange, replyId) {
    const answer = this.#blank.querySelector(".message--answer").cloneNode(true);
    answer.dataset.message = replyId;
    const later = [...exchange.querySelectorAll(".message--answer")].find((one) => Number(one.dataset.message) > replyId);
    exchange.insertBefore(answer, later ?? null);
    this.#countAttempts(exchange);
    return answer;
  }

  #ids() {
    return [...this.#root.querySelectorAll("[data-message]")].map(({ dataset }) => Number(dataset.message)).filter(Boolean);
  }

  #exchange(questionId) {
    const known = this.#root.querySelector(`[data-exchange="${questionId}"]`);
    if (known) return known;
    const exchange = this.#blank.cloneNode(false);
    exchange.dataset.exchange = questionId;
    const later = [...this.#root.querySelectorAll("[data-exchange]")].find(
      (one) => Number(one.dataset.exchange) > questionId,
    );
    this.#root.insertBefore(exchange, later ?? null);
    return exchange;
  }

  #countAttempts(exchange) {
    const answers = [...exchange.querySelectorAll(".message--answer")];
    exchange.removeAttribute("data-turned");
    answers.forEach((answer, index) => {
      answer.querySelector("[data-attempts]").hidden = answers.length < 2;
      answer.querySelector("[data-attempt]").textContent = `${index + 1} of ${answers.length}`;
      answer.querySelector('[data-turn="-1"]').disabled = index === 0;
      answer.querySelector('[data-turn="1"]').disabled = index === answers.length - 1;
    });
  }
}

// Replaces the body's nodes from the first that differs. Equal nodes before it keep the user's selection and focus.
function redraw(body, nodes) {
  const drawn = [...body.childNodes];
  const firstNew = nodes.findIndex((node, index) => !drawn[index]?.isEqualNode(node));
  const same = firstNew < 0 ? nodes.length : firstNew;
  for (const node of drawn.slice(same)) node.remove();
  body.append(...nodes.slice(same));
}

function lastOf(list) {
  return list[list.length - 1];
}
