// The articles of a topic: made from the page's own blank one, and changed where they stand.

import { drawAvatar } from "../../core/js/avatar.js";
import { showAge } from "../../core/js/dates.js";
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

  // At the end: what stands there already does not move.
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

  // Its words are the server's, and sanitised there.
  change(article, { contentHtml, mentions, isEdited, voteCount }) {
    const body = article.querySelector("[data-body]");
    if (body.dataset.html !== contentHtml) body.innerHTML = body.dataset.html = contentHtml;
    const namesMe = mentions.map(String).includes(this.#page.dataset.me);
    article.classList.toggle("post--names-me", namesMe);
    article.querySelector("[data-names-me]").hidden = !namesMe;
    article.querySelector("[data-edited]").hidden = !isEdited;
    showVotes(article, voteCount);
  }

  // In its place: who reads on is not thrown about. The next page that is drawn has it on top.
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
