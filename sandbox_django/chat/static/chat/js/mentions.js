// Whom one may mean: a list that opens at an @ and is used by keys, while the text keeps the focus.

import { Namesakes } from "./namesakes.js";
import { drawAvatar } from "./people.js";

const SHOWN = 8;

// The @ before the caret and what follows it, or null. Not inside a word: that would be an e-mail address.
export function mentionAt(text, caret) {
  const found = text.slice(0, caret).match(/(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u);
  return found ? { start: caret - found[1].length - 1, query: found[1] } : null;
}

// Those whose name, or a later word of it, begins like this. Nobody once a whole name stands there: Enter sends then.
export function matching(people, query) {
  const wanted = query.toLowerCase();
  const found = people.filter(({ name }) => ` ${name.toLowerCase()}`.includes(` ${wanted}`));
  return found.length === 1 && found[0].name.toLowerCase() === wanted ? [] : found.slice(0, SHOWN);
}

// The members that the API lists, as suggestions. `hint` tells members with the same name apart: the e-mail for those who
// may see it, for the others the id.
export function distinguish(members) {
  const namesakes = new Namesakes();
  for (const { userId, displayName } of members) namesakes.add(userId, displayName);
  return members.map(({ userId, displayName, user }) => {
    const seen = user === displayName ? `#${userId}` : user;
    return { userId, name: displayName, hint: namesakes.has(userId) ? seen : "" };
  });
}

export class Mentions {
  #field;
  #list;
  #people;
  #shown = [];
  #chosen = 0;
  #place = null;

  // `people()` resolves with what `distinguish` returns.
  constructor(field, list, people) {
    this.#field = field;
    this.#list = list;
    this.#people = people;
    field.addEventListener("input", () => this.#look());
    field.addEventListener("blur", () => this.#close());
    // Before the composer, for which Enter means to send.
    field.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the text keeps the focus
      const item = event.target.closest("[data-person]");
      if (item) this.#take(Number(item.dataset.person));
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  async #look() {
    const place = mentionAt(this.#field.value, this.#field.selectionStart);
    if (place === null) {
      this.#close();
      return;
    }
    const people = await this.#people();
    this.#place = mentionAt(this.#field.value, this.#field.selectionStart);
    this.#shown = this.#place ? matching(people, this.#place.query) : [];
    this.#chosen = 0;
    this.#draw();
  }

  #key(event) {
    if (!this.isOpen || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#chosen = (this.#chosen + step + this.#shown.length) % this.#shown.length;
      this.#draw();
    } else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") this.#take(this.#chosen);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #take(index) {
    const { start } = this.#place;
    const { name, userId, hint } = this.#shown[index];
    const id = hint ? `#${userId}` : "";
    this.#field.setRangeText(`@${name}${id} `, start, this.#field.selectionStart, "end");
    this.#close();
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #close() {
    this.#shown = [];
    this.#draw();
  }

  #draw() {
    this.#list.hidden = this.#shown.length === 0;
    this.#list.replaceChildren(...this.#shown.map((person, index) => this.#item(person, index)));
    if (this.isOpen) this.#field.setAttribute("aria-activedescendant", `mention-${this.#chosen}`);
    else this.#field.removeAttribute("aria-activedescendant");
    this.#list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  #item(person, index) {
    const item = document.createElement("li");
    item.className = "mention";
    item.id = `mention-${index}`;
    item.dataset.person = index;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(index === this.#chosen));
    const avatar = document.createElement("span");
    avatar.className = "avatar avatar--0";
    avatar.setAttribute("aria-hidden", "true");
    drawAvatar(avatar, person);
    const name = document.createElement("bdi");
    name.textContent = person.name;
    item.append(avatar, name);
    if (person.hint) {
      const hint = document.createElement("span");
      hint.className = "mention__hint";
      hint.textContent = person.hint;
      item.append(hint);
    }
    return item;
  }
}
