// The list of members that opens when the user types an @. The text field keeps the focus, and keys choose a member.

import { drawAvatar } from "../../core/js/avatar.js";
import { matching, mentionAt } from "./mention_suggestions.js";

export class Mentions {
  #field;
  #list;
  #members;
  #shown = [];
  #chosen = 0;
  #place = null;

  // `members()` resolves with the result of `distinguish`.
  constructor(field, list, members) {
    this.#field = field;
    this.#list = list;
    this.#members = members;
    field.addEventListener("input", () => this.#look());
    field.addEventListener("blur", () => this.#close());
    // Handles keys before the composer does, since the composer sends on Enter.
    field.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const item = event.target.closest("[data-user]");
      if (item) this.#take(Number(item.dataset.user));
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
    const members = await this.#members();
    this.#place = mentionAt(this.#field.value, this.#field.selectionStart);
    this.#shown = this.#place ? matching(members, this.#place.query) : [];
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
    this.#list.replaceChildren(...this.#shown.map((member, index) => this.#item(member, index)));
    if (this.isOpen) this.#field.setAttribute("aria-activedescendant", `mention-${this.#chosen}`);
    else this.#field.removeAttribute("aria-activedescendant");
    this.#list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  #item(member, index) {
    const item = document.createElement("li");
    item.className = "mention";
    item.id = `mention-${index}`;
    item.dataset.user = index;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(index === this.#chosen));
    const avatar = document.createElement("span");
    avatar.className = "avatar avatar--0";
    avatar.setAttribute("aria-hidden", "true");
    drawAvatar(avatar, { id: member.userId, name: member.name });
    const name = document.createElement("bdi");
    name.textContent = member.name;
    item.append(avatar, name);
    if (member.hint) {
      const hint = document.createElement("span");
      hint.className = "mention__hint";
      hint.textContent = member.hint;
      item.append(hint);
    }
    return item;
  }
}
