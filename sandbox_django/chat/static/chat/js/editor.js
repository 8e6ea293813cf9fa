// Edits a message in place.

import { meansSend } from "../../core/js/composer.js";
import { errorMessage } from "../../core/js/error_message.js";

// `save(text)` resolves when the text is stored; `done()` is called after the editor has closed.
export function openEditor(row, content, { save, done }) {
  if (row.matches(".message--editing")) return;
  const body = row.querySelector("[data-body]");
  const form = document.createElement("form");
  form.className = "edit message__body";
  const field = document.createElement("textarea");
  field.value = content;
  field.rows = 1;
  field.dir = "auto";
  field.setAttribute("aria-label", "Change this message");
  const ways = document.createElement("div");
  ways.className = "edit__ways";
  const cancel = button("Cancel", "button", "button");
  const problem = document.createElement("p");
  problem.className = "edit__problem";
  problem.setAttribute("role", "alert");
  ways.append(button("Save", "button button--main", "submit"), cancel);
  form.append(field, problem, ways);

  row.classList.add("message--editing");
  body.hidden = true;
  body.after(form);
  field.focus();
  field.setSelectionRange(content.length, content.length);
  row.scrollIntoView({ block: "nearest" });

  let isBusy = false;
  function close() {
    form.remove();
    body.hidden = false;
    row.classList.remove("message--editing");
    done();
  }

  async function submit() {
    const text = field.value.trim();
    if (!text || isBusy) return;
    if (text === content) {
      close();
      return;
    }
    isBusy = true;
    try {
      await save(text);
      close();
    } catch (error) {
      problem.textContent = errorMessage(error);
    }
    isBusy = false;
  }

  cancel.addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
    else if (meansSend(event)) submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function button(words, className, type) {
  const one = document.createElement("button");
  one.className = className;
  one.type = type;
  one.textContent = words;
  return one;
}
