// Up and down: shown at once, sent, and taken back when the server says no.

import { post } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";
import { plural } from "./plural.js";

const sending = new WeakMap(); // by article: how many votes are on their way

export function wireVotes(root) {
  root.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-vote]")) return;
    event.preventDefault();
    vote(event.target.closest("[data-post]"), event.submitter);
  });
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-vote] [aria-disabled=true]");
    if (button) showError(button.closest("[data-post]"), button.title);
  });
}

export function isVoting(article) {
  return Boolean(sending.get(article));
}

// What somebody else did to the number; mine, on its way, is counted when its answer is here.
export function showVotes(article, count) {
  if (!isVoting(article)) draw(article, { count });
}

export function showError(article, words) {
  const problem = article.querySelector("[data-problem]");
  problem.textContent = words;
  problem.hidden = !words;
}

async function vote(article, button) {
  const before = { count: Number(article.querySelector("[data-count]").textContent), mine: myVote(article) };
  const newVote = Number(button.value);
  showError(article, "");
  draw(article, { count: before.count + newVote - before.mine, mine: newVote });
  sending.set(article, (sending.get(article) ?? 0) + 1);
  let after = before;
  try {
    const { vote: mine, voteCount: count } = await post(`${article.dataset.api}vote/`, { vote: newVote });
    after = { count, mine };
  } catch (error) {
    showError(article, errorMessage(error));
  }
  sending.set(article, sending.get(article) - 1);
  if (!isVoting(article)) draw(article, after);
}

function myVote(article) {
  if (isPressed(article.querySelector("[data-up]"))) return 1;
  return isPressed(article.querySelector("[data-down]")) ? -1 : 0;
}

function draw(article, { count, mine }) {
  article.querySelector("[data-count]").textContent = count;
  article.querySelector("[data-count-word]").textContent = plural(Math.abs(count), "vote");
  if (mine === undefined) return;
  for (const [name, value] of [["[data-up]", 1], ["[data-down]", -1]]) {
    const button = article.querySelector(name);
    button.setAttribute("aria-pressed", String(mine === value));
    button.value = mine === value ? 0 : value; // pressed again, it is taken back
  }
}

function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}
