// The replies that were posted while a topic is open: counted once each, and named on a bar until the user has seen them.

import { plural } from "./plural.js";

export class NewReplies {
  #bar;
  #words;
  #counted = new Set(); // ids
  #unseen = []; // ids
  #inSight;

  constructor(page) {
    this.#bar = page.querySelector("[data-news]");
    this.#words = page.querySelector("[data-news-words]");
    this.#inSight = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.markSeen(target);
    });
  }

  // Returns whether it was not counted before: the form's response and the socket's event both bring a reply.
  count(id) {
    const isNew = !this.#counted.has(id);
    this.#counted.add(id);
    return isNew;
  }

  // `article` is null for a reply that belongs on a later page.
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

  // Returns the first one, and hides the bar.
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
