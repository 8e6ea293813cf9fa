// Changes a topic or a reply where it stands, in the form that the server draws for it.

import { patch } from "../../core/js/api.js";
import { freshPage } from "./merge.js";
import { PostForm } from "./post_form.js";

// `saved(answer)` hears what it is now, `closed()` that the form is gone. Without the form, the link is followed.
export async function openEditor(article, { saved, closed }) {
  if (article.matches(".post--editing")) return;
  article.classList.add("post--editing");
  const link = article.querySelector("a[data-edit]");
  let form;
  try {
    form = document.adoptNode((await freshPage(link.href)).querySelector("[data-edit-form]"));
  } catch {
    location.assign(link.href);
    return;
  }
  const body = article.querySelector("[data-body]");
  const tools = article.querySelector("[data-tools]");
  article.querySelector("[data-editor-place]").append(form);
  body.hidden = tools.hidden = true;
  form.elements.content.focus();

  function close() {
    form.remove();
    body.hidden = tools.hidden = false;
    article.classList.remove("post--editing");
    closed();
    link.focus({ preventScroll: true });
  }

  new PostForm(form, (words) => patch(article.dataset.api, words), (answer) => {
    close();
    saved(answer);
  });
  form.querySelector("[data-cancel]").addEventListener("click", (event) => {
    event.preventDefault();
    close();
  });
  // A key that is pressed by mistake must not cost what was written.
  form.addEventListener("keydown", (event) => {
    const isChanged = [...form.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue);
    if (event.key !== "Escape" || event.isComposing || isChanged) return;
    event.preventDefault();
    close();
  });
}
