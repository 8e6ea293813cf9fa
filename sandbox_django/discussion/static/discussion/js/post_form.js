// A form whose words go through the API: kept until they have arrived, and never said twice.

import { Draft } from "../../core/js/draft.js";
import { Outbox } from "../../core/js/outbox.js";
import { wordsFor } from "../../core/js/refusal.js";
import { wirePreviews } from "./preview.js";
import { tagsIn } from "./tags.js";

const NAMES = ["title", "content", "tags"];

export class PostForm {
  #form;
  #fields;
  #problem;
  #outbox;
  #draft;
  #done;

  // `deliver(body, key)` resolves when it has arrived; `done(answer)` hears of it then.
  constructor(form, deliver, done) {
    this.#form = form;
    this.#fields = NAMES.map((name) => form.elements[name]).filter(Boolean);
    this.#problem = form.querySelector("[data-problem]");
    this.#done = done;
    let answer = null;
    this.#outbox = new Outbox(async (body, key) => (answer = await deliver(JSON.parse(body), key)));
    this.#draft = form.dataset.draft ? new Draft(form.dataset.draft) : null;
    this.#restore();
    wirePreviews(form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#submit()) this.#done(answer);
    });
    form.addEventListener("input", () => this.#keep());
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      form.requestSubmit();
    });
  }

  complain(words) {
    this.#problem.textContent = words;
    this.#problem.hidden = !words;
  }

  async #submit() {
    if (this.#outbox.isBusy) return false;
    this.#forgive();
    const sent = this.#said();
    this.#form.setAttribute("aria-busy", "true");
    try {
      if (!(await this.#outbox.send(JSON.stringify(asBody(sent))))) return false;
    } catch (error) {
      this.#refuse(error);
      return false;
    } finally {
      this.#form.removeAttribute("aria-busy");
    }
    if (this.#draft) this.#clear(sent);
    return true;
  }

  #said() {
    return Object.fromEntries(this.#fields.map(({ name, value }) => [name, value]));
  }

  // What was typed while the words were on their way stays.
  #clear(sent) {
    for (const field of this.#fields) if (field.value === sent[field.name]) field.value = "";
    this.#form.dispatchEvent(new Event("reset"));
    this.#keep();
  }

  #keep() {
    const said = this.#said();
    this.#draft?.keep(Object.values(said).some((text) => text.trim()) ? JSON.stringify(said) : "");
  }

  #restore() {
    let kept = {};
    try {
      kept = JSON.parse(this.#draft?.read() || "{}");
    } catch {
      // Of another time: nothing to restore.
    }
    // A page that the browser restores, or the server refused, has its words already.
    for (const field of this.#fields) field.value ||= kept[field.name] ?? "";
  }

  #refuse(error) {
    const field = this.#fields.find(({ name }) => name === error.attr?.split(".")[0]);
    if (!field) {
      this.complain(wordsFor(error));
      return;
    }
    const words = document.createElement("p");
    words.className = "field__error";
    words.id = `${field.id}_refusal`;
    words.dataset.refusal = "";
    words.textContent = error.message;
    field.closest(".field").append(words);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", words.id);
    field.focus();
  }

  #forgive() {
    this.complain("");
    for (const words of this.#form.querySelectorAll("[data-refusal]")) words.remove();
    for (const field of this.#fields) field.removeAttribute("aria-invalid");
  }
}

function asBody(said) {
  return "tags" in said ? { ...said, tags: tagsIn(said.tags) } : said;
}
