// The form for a new topic. It lists similar topics while the user types the title.

import { get, post } from "../../core/js/api.js";
import { wireInbox } from "./inbox_count.js";
import { plural } from "./plural.js";
import { PostForm } from "./post_form.js";

const PAUSE = 300; // milliseconds
const SHORTEST = 4; // characters

const form = document.querySelector("[data-topic-form]");
const similar = form.querySelector("[data-similar]");
const { api, home } = form.dataset;
let timer = null;
let asked = "";

new PostForm(form, (body, key) => post(api, body, { key }), ({ id }) => location.assign(`${home}${id}/`));
form.elements.title.addEventListener("input", askLater);
askLater();
wireInbox();

function askLater() {
  clearTimeout(timer);
  timer = setTimeout(showSimilar, PAUSE);
}

async function showSimilar() {
  const title = form.elements.title.value.trim();
  if (title === asked) return;
  asked = title;
  let found = [];
  try {
    if (title.length >= SHORTEST) found = await get(`${similar.dataset.url}?${new URLSearchParams({ title })}`);
  } catch {
    return; // the user can go on without the list, so no message is shown
  }
  if (title !== asked) return; // the user has changed the title in the meantime
  similar.querySelector("ul").replaceChildren(...found.map(drawSimilar));
  similar.hidden = found.length === 0;
}

function drawSimilar({ id, title, replyCount, hasAcceptedAnswer }) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${home}${id}/`;
  link.dir = "auto";
  link.textContent = title;
  const context = document.createElement("span");
  context.className = "faint";
  context.textContent = `${replyCount} ${plural(replyCount, "reply", "replies")}${hasAcceptedAnswer ? " · answered" : ""}`;
  row.append(link, context);
  return row;
}
