// Draws the timeline: what stands on the page already stays where it is, and only what is new or changed is drawn.

import { dayName, dayOf, hourOf } from "./moments.js";
import { drawAvatar } from "./people.js";

const GONE = "This message was deleted.";
const NOBODY = "Somebody who left";

export class MessageList {
  #root;
  #blank;
  #timeline;
  #me;
  #myName;
  #elements = new Map(); // by the key of what it draws
  #drawn = new Map(); // by the same key: what it shows
  #found;

  constructor(root, blank, timeline) {
    this.#root = root;
    this.#blank = blank.content.querySelector("[data-message]");
    this.#timeline = timeline;
    this.#me = Number(root.dataset.me);
    this.#myName = root.dataset.myName;
    this.#found = root.dataset.found;
    this.#takeOver();
  }

  draw() {
    const items = this.#timeline.items(dayOf);
    const wanted = new Set(items.map(({ key }) => key));
    for (const [key, element] of this.#elements) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
      this.#drawn.delete(key);
    }
    let next = this.#root.querySelector("[data-nothing]").nextElementSibling;
    for (const item of items) {
      const element = this.#elementFor(item);
      if (element === next) next = next.nextElementSibling;
      else this.#root.insertBefore(element, next);
    }
    this.#root.querySelector("[data-nothing]").hidden = items.length > 0;
  }

  elementOf(id) {
    return this.#root.querySelector(`[data-message="${id}"]`);
  }

  // The server has drawn the first rows, in its own time zone.
  #takeOver() {
    for (const line of this.#root.querySelectorAll("[data-line]")) this.#elements.set(line.dataset.line, line);
    const unread = this.#root.querySelector('[data-line="unread"]');
    if (unread) this.#timeline.unreadFrom = Number(unread.nextElementSibling.dataset.message);
    for (const element of this.#root.querySelectorAll("[data-message]")) {
      const { message, number, user, name, at, version, content } = element.dataset;
      const id = Number(message);
      this.#timeline.put({
        id,
        number: Number(number),
        userId: user ? Number(user) : null,
        senderName: name,
        content,
        createdAt: at,
        updatedAt: version,
        isDeleted: element.matches(".message--deleted"),
      });
      element.querySelector("[data-time]").textContent = hourOf(new Date(at));
      this.#elements.set(`message ${id}`, element);
      this.#drawn.set(`message ${id}`, this.#timeline.message(id));
    }
  }

  #elementFor(item) {
    const known = this.#elements.get(item.key);
    const element = known ?? this.#make(item);
    this.#elements.set(item.key, element);
    if (item.kind === "day") element.firstElementChild.textContent = dayName(item.day); // today is yesterday tomorrow
    if (item.kind !== "message") return element;
    element.classList.toggle("message--first", item.begins);
    if (this.#drawn.get(item.key) !== item.entry) this.#fill(element, item);
    this.#drawn.set(item.key, item.entry);
    return element;
  }

  #make(item) {
    if (item.kind === "message") return this.#blank.cloneNode(true);
    const line = document.createElement("p");
    line.dataset.line = item.key;
    line.className = item.kind === "day" ? "room__day" : "room__unread";
    const words = document.createElement(item.kind === "day" ? "time" : "span");
    if (item.kind === "day") words.dateTime = item.day;
    if (item.kind === "unread") words.textContent = "New";
    line.append(words);
    return line;
  }

  #fill(element, { key, id, userId, at, entry }) {
    const isPending = id === null;
    const isMine = userId === this.#me;
    const isGone = !isPending && entry.isDeleted;
    const name = isPending ? this.#myName : entry.senderName || NOBODY;
    element.id = isPending ? "" : `message-${id}`;
    element.dataset.message = isPending ? "" : id;
    element.dataset.key = key;
    for (const [state, holds] of Object.entries({
      mine: isMine,
      pending: isPending,
      sending: isPending && entry.problem === null,
      failed: isPending && entry.problem !== null,
      deleted: isGone,
      "names-me": !isPending && (entry.mentions?.includes(this.#me) ?? element.matches(".message--names-me")),
      found: !isPending && String(id) === this.#found,
    })) {
      element.classList.toggle(`message--${state}`, holds);
    }
    drawAvatar(element.querySelector("[data-avatar]"), { userId, name });
    element.querySelector("[data-name-here]").textContent = name;
    const time = element.querySelector("[data-time]");
    time.dateTime = at.toISOString();
    time.textContent = hourOf(at);
    this.#fillBody(element.querySelector("[data-body]"), entry, { isPending, isGone });
    element.querySelector("[data-edited]").hidden = isPending || isGone || !entry.isEdited;
    element.querySelector("[data-problem]").hidden = !isPending || entry.problem === null;
    element.querySelector("[data-words]").textContent = (isPending && entry.problem) || "";
    element.querySelector("[data-tools]").hidden = isPending || isGone;
    element.querySelector("[data-edit]").hidden = !isMine;
  }

  #fillBody(body, { content, contentHtml }, { isPending, isGone }) {
    if (isPending) body.textContent = content;
    else if (isGone) {
      const gone = document.createElement("p");
      gone.className = "message__gone";
      gone.textContent = GONE;
      body.replaceChildren(gone);
    } else if (contentHtml !== undefined) body.replaceChildren(...nodesOf(contentHtml));
  }
}

// The server's HTML has been through core/markdown.py. A parsed document runs nothing anyway.
function nodesOf(html) {
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes];
}
