// Counts each reply that is posted while a topic is open once, and announces it on a bar until the user has seen it.

import { plural } from "./plural.js";

export class NewReplies {
  #bar;
  #words;
  #counted = new Set(); // ids of all replies that were counted
  #unseen = []; // ids of replies that the user hasn't seen
  #inSight;

  constructor(page) {
    this.#bar = page.querySelector("[data-news]");
    this.#words = page.querySelector("[data-news-words]");
    this.#inSight = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.markSeen(target);
    });
  }

  // Returns whether the reply was not counted before. Both the form's response and the socket's event contain a reply.
  count(id) {
    const isNew = !this.#counted.has(id);
    this.#counted.add(id);
    return isNew;
  }

  // Announces a reply. `article` is null if the reply belongs on a later page.
  add(id, article) {
    this.#unseen.push(id);
    if (article) this.#inSight.observe(article);
    this.#show();
  }

  markSeen(article) {
    this.#inSight.unobserve(article);
    this.remove(Number(article.dataset.post));
  }

  remove(id) {
    this.#unseen = this.#unseen.filter((other) => other !== id);
    this.#show();
  }

  get newest() {
    return this.#unseen.at(-1);
  }

  // Returns the id of the first new reply, and hides the bar.
  takeFirst() {
    const [first] = this.#unseen;
    this.#unseen = [];
    this.#show();
    return first;
  }

  #show() {
    this.#bar.hidden = this.#unseen.length === 0;
    this.#words.textContent = `${this.#unseen.length} new ${plural(this.#unseen.length, "reply", "replies")}`;
  }
}
