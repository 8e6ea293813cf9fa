// Shows a vote before the server has stored it, and withdraws it if the server refuses it.

import { post } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";
import { showProblem } from "../../core/js/problem.js";
import { plural } from "./plural.js";

const sending = new WeakMap(); // maps an article to the number of its votes that are being sent

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

// Shows a number of votes that another user has changed. While the user's own vote is being sent, waits for its
// response.
export function showVotes(article, count) {
  if (!isVoting(article)) draw(article, { count });
}

export function showError(article, words) {
  showProblem(article.querySelector("[data-problem]"), words);
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
    button.value = mine === value ? 0 : value; // pressing the button again withdraws the vote
  }
}

function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}
