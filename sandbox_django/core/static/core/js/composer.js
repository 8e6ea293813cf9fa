// The field for a message. It grows with the text, Enter sends the text, and the text stays until it is stored.

import { Draft } from "./draft.js";
import { SendQueue } from "./send_queue.js";
import { errorMessage } from "./error_message.js";

export class Composer {
  #form;
  #field;
  #problem;
  #problemCode = null;
  #suggested = null;
  #sendQueue;
  #draft;

  // `deliver(text, key)` resolves when the text is stored; its errors are shown below the field. Until the text is
  // stored, it is kept as a draft under the name in the form's data-draft.
  constructor(form, deliver) {
    this.#form = form;
    this.#field = form.querySelector("textarea");
    this.#problem = form.querySelector("[data-problem]");
    this.#sendQueue = new SendQueue(deliver);
    this.#draft = form.dataset.draft ? new Draft(form.dataset.draft) : null;
    // If the browser has restored the page, the field already has its text.
    this.#field.value ||= this.#draft?.read() ?? "";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (!meansSend(event)) return;
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#changed());
    this.#grow();
  }

  // Puts a suggested text into the field, for the user to check and send. It replaces an earlier suggestion. If the
  // user has typed a text, the suggestion is added on a line below. The browser's undo works.
  suggest(text) {
    const field = this.#field;
    field.focus();
    if (field.value.trim() && field.value !== this.#suggested) {
      field.setSelectionRange(field.value.length, field.value.length);
      this.#insert(`${field.value.endsWith("\n") ? "" : "\n"}${text}`);
    } else {
      field.select();
      this.#insert(text);
      this.#suggested = field.value;
    }
    this.#changed();
  }

  focus() {
    this.#field.focus();
  }

  // Shows an error below the field: `problem` is a text or an error of the API.
  showError(problem) {
    const words = typeof problem === "string" ? problem : errorMessage(problem);
    this.#problemCode = problem.code ?? null;
    this.#problem.textContent = words;
    this.#problem.hidden = !words;
  }

  // Hides the error with this code, because its cause no longer exists.
  resolve(code) {
    if (this.#problemCode === code) this.showError("");
  }

  async #submit() {
    const written = this.#field.value;
    if (!written.trim() || this.#sendQueue.isBusy) return;
    this.showError("");
    this.#form.setAttribute("aria-busy", "true");
    try {
      if (await this.#sendQueue.send(written.trim())) this.#clear(written);
    } catch (error) {
      this.showError(error);
    } finally {
      this.#form.removeAttribute("aria-busy");
    }
  }

  // Removes the sent text from the field. Text that was typed while it was being sent is kept.
  #clear(sent) {
    if (this.#field.value.startsWith(sent)) this.#field.value = this.#field.value.slice(sent.length).trimStart();
    this.#changed();
  }

  // Inserts with `execCommand`, because only this lets the browser undo it. Otherwise, replaces the selection.
  #insert(text) {
    if (document.execCommand("insertText", false, text)) return;
    this.#field.setRangeText(text, this.#field.selectionStart, this.#field.selectionEnd, "end");
  }

  #changed() {
    this.#draft?.keep(this.#field.value);
    this.#grow();
  }

  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight}px`;
  }
}

// Returns whether a key sends the text: Enter does, Shift+Enter breaks the line. While an input method is composing,
// Enter belongs to the input method. Safari ends the composition before the key event, and sets its keyCode to 229.
export function meansSend({ key, shiftKey, isComposing, keyCode }) {
  return key === "Enter" && !shiftKey && !isComposing && keyCode !== 229;
}
