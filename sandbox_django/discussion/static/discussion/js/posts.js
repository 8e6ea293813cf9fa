// The articles on a topic's page. They are copies of the page's blank article, and are changed in place.

import { drawAvatar } from "../../core/js/avatar.js";
import { showAge } from "../../core/js/dates.js";
import { nodesOf } from "../../core/js/server_html.js";
import { showVotes } from "./votes.js";

export class Posts {
  #place;
  #blank;
  #question;
  #page;

  constructor(page) {
    this.#page = page;
    this.#place = page.querySelector("[data-replies]");
    this.#question = page.querySelector("#question");
    this.#blank = document.querySelector("[data-blank]").content.querySelector("article");
  }

  get place() {
    return this.#place;
  }

  get question() {
    return this.#question;
  }

  reply(id) {
    return this.#place.querySelector(`#reply-${id}`);
  }

  // Adds a reply at the end, so that the posts before it don't move.
  add(reply) {
    const article = this.#blank.cloneNode(true);
    const { me, topicAuthor, staff, repliesUrl } = this.#page.dataset;
    const author = String(reply.author?.id ?? "");
    article.id = article.dataset.key = `reply-${reply.id}`;
    article.dataset.post = reply.id;
    article.dataset.api = `${repliesUrl}${reply.id}/`;
    article.dataset.page = article.dataset.page.replace(/0\/$/, `${reply.id}/`);
    article.setAttribute("aria-label", `Reply by ${reply.author?.displayName ?? "a deleted user"}`);
    drawAvatar(article.querySelector("[data-avatar]"), { id: reply.author?.id, name: reply.author?.displayName });
    article.querySelector("[data-author]").textContent = reply.author?.displayName ?? "Deleted user";
    const time = article.querySelector("[data-link] time");
    time.dateTime = reply.createdAt;
    time.title = reply.formattedCreatedAt;
    showAge(time);
    article.querySelector("[data-vote]").action = `${article.dataset.page}vote/`;
    article.querySelector("[data-link]").href = article.dataset.page;
    for (const part of ["edit", "delete"]) {
      const link = article.querySelector(`a[data-${part}]`);
      link.href = `${article.dataset.page}${part}/`;
      link.hidden = author !== me && staff === undefined;
    }
    article.querySelector("[data-edited]").href = `${article.dataset.page}history/`;
    article.querySelector("form[data-accept]").hidden = topicAuthor !== me || author === me;
    article.querySelector("[data-accept-button]").value = reply.id;
    if (author === me) refuseVotes(article);
    this.change(article, reply);
    this.#place.append(article);
    return article;
  }

  change(article, { contentHtml, mentions, isEdited, voteCount }) {
    const body = article.querySelector("[data-body]");
    if (body.dataset.html !== contentHtml) body.replaceChildren(...nodesOf(contentHtml));
    body.dataset.html = contentHtml;
    const namesMe = mentions.map(String).includes(this.#page.dataset.me);
    article.classList.toggle("post--names-me", namesMe);
    article.querySelector("[data-names-me]").hidden = !namesMe;
    article.querySelector("[data-edited]").hidden = !isEdited;
    showVotes(article, voteCount);
  }

  // Replaces a deleted reply with a notice in the same place, so that a user who reads below it keeps the scroll
  // position.
  remove(id) {
    const article = this.reply(id);
    if (!article || article.matches(".post--deleted")) return;
    article.classList.add("post--deleted");
    const notice = document.createElement("p");
    notice.className = "faint";
    notice.textContent = "This reply was deleted.";
    const body = article.querySelector("[data-body]");
    body.replaceChildren(notice);
    body.hidden = false;
    article.querySelector("[data-editor-place]").replaceChildren();
    for (const part of article.querySelectorAll("[data-vote], [data-tools], [data-edited]")) part.hidden = true;
  }

  // Marks the accepted answer without moving it. The server puts it first when it renders the page again.
  accept(id) {
    for (const article of this.#place.children) {
      const isIt = article.id === `reply-${id}`;
      article.classList.toggle("post--accepted", isIt);
      article.querySelector("p[data-accepted]").hidden = !isIt;
      const button = article.querySelector("[data-accept-button]");
      button.value = isIt ? "" : article.dataset.post;
      button.textContent = isIt ? "Unaccept" : "Accept this answer";
    }
  }
}

function refuseVotes(article) {
  for (const button of article.querySelectorAll(".vote__button")) {
    button.type = "button";
    button.setAttribute("aria-disabled", "true");
    button.title = "You can't vote on what you wrote yourself.";
  }
}
