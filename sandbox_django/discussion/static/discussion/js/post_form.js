// A form that posts to the API. It keeps the user's texts until they are stored, and posts them only once.

import { Draft } from "../../core/js/draft.js";
import { SendQueue } from "../../core/js/send_queue.js";
import { errorMessage } from "../../core/js/error_message.js";
import { showProblem } from "../../core/js/problem.js";
import { wirePreviews } from "./preview.js";
import { tagsIn } from "./tags.js";

const NAMES = ["title", "content", "tags"];

export class PostForm {
  #form;
  #fields;
  #problem;
  #sendQueue;
  #draft;
  #done;

  // `deliver(body, key)` resolves with the stored post, which `done` is then called with.
  constructor(form, deliver, done) {
    this.#form = form;
    this.#fields = NAMES.map((name) => form.elements[name]).filter(Boolean);
    this.#problem = form.querySelector("[data-problem]");
    this.#done = done;
    let answer = null;
    this.#sendQueue = new SendQueue(async (body, key) => (answer = await deliver(JSON.parse(body), key)));
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

  async #submit() {
    if (this.#sendQueue.isBusy) return false;
    this.#clearErrors();
    const sent = this.#values();
    this.#form.setAttribute("aria-busy", "true");
    try {
      if (!(await this.#sendQueue.send(JSON.stringify(asBody(sent))))) return false;
    } catch (error) {
      this.#showFieldError(error);
      return false;
    } finally {
      this.#form.removeAttribute("aria-busy");
    }
    if (this.#draft) this.#clear(sent);
    return true;
  }

  #values() {
    return Object.fromEntries(this.#fields.map(({ name, value }) => [name, value]));
  }

  // Clears the fields whose text was sent, and keeps a text that the user has typed since then.
  #clear(sent) {
    for (const field of this.#fields) if (field.value === sent[field.name]) field.value = "";
    this.#form.dispatchEvent(new Event("reset"));
    this.#keep();
  }

  #keep() {
    const values = this.#values();
    this.#draft?.keep(Object.values(values).some((text) => text.trim()) ? JSON.stringify(values) : "");
  }

  #restore() {
    let kept = {};
    try {
      kept = JSON.parse(this.#draft?.read() || "{}");
    } catch {
      // Another release stored these texts in another format, so they can't be restored.
    }
    // If the browser restores the page, or the server refused the form, the fields have their texts already.
    for (const field of this.#fields) field.value ||= kept[field.name] ?? "";
  }

  #showFieldError(error) {
    const field = this.#fields.find(({ name }) => name === error.attr?.split(".")[0]);
    if (!field) {
      showProblem(this.#problem, errorMessage(error));
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

  #clearErrors() {
    showProblem(this.#problem, "");
    for (const words of this.#form.querySelectorAll("[data-refusal]")) words.remove();
    for (const field of this.#fields) field.removeAttribute("aria-invalid");
  }
}

function asBody(values) {
  return "tags" in values ? { ...values, tags: tagsIn(values.tags) } : values;
}
