// The parts of a topic's page around its posts: title, tags, marks, counts and the actions of staff.

import { showAge } from "../../core/js/dates.js";
import { plural } from "./plural.js";
import { drawTags } from "./tags.js";

export class TopicHead {
  #page;
  #status;
  #replyCount;

  constructor(page) {
    this.#page = page;
    this.#status = page.querySelector("[data-status]");
    this.#replyCount = page.querySelector("[data-reply-count]");
  }

  draw({ title, tags, isClosed, isPinned }) {
    const page = this.#page;
    page.querySelector("[data-title-here]").textContent = title;
    document.title = document.title.replace(page.dataset.title, () => title);
    page.dataset.title = title;
    drawTags(this.#status.querySelector("[data-tags]"), tags, page.dataset.home);
    this.#status.querySelector("[data-pinned]").hidden = !isPinned;
    this.#status.querySelector("[data-closed]").hidden = !isClosed;
    page.querySelector("[data-closed-notice]").hidden = !isClosed;
    page.querySelector("[data-reply-form]").hidden = isClosed;
    const [close, pin] = [page.querySelector("[data-close]"), page.querySelector("[data-pin]")];
    if (close) {
      [close.value, close.textContent] = isClosed ? ["0", "Reopen"] : ["1", "Close"];
      [pin.value, pin.textContent] = isPinned ? ["0", "Unpin"] : ["1", "Pin to the top"];
    }
  }

  addReply({ createdAt }) {
    this.showReplyCount(Number(this.#replyCount.textContent) + 1);
    this.showActive(createdAt);
  }

  showReplyCount(count) {
    this.#replyCount.textContent = count;
    this.#page.querySelector("[data-reply-word]").textContent = plural(count, "reply", "replies");
  }

  showActive(at) {
    const time = this.#status.querySelector("[data-active]");
    time.dateTime = at;
    showAge(time);
  }

  showAccepted(id) {
    const mark = this.#status.querySelector("[data-answered]");
    mark.hidden = id === null;
    mark.hash = id === null ? "" : `reply-${id}`;
  }

  showDeleted() {
    this.#page.querySelector("[data-gone]").hidden = false;
    for (const part of this.#page.querySelectorAll("[data-reply-form], [data-tools], [data-vote], [data-moderate]")) {
      part.hidden = true;
    }
  }
}
