// Edits a topic or a reply in place. Fetches the form from the server.

import { patch } from "../../core/js/api.js";
import { freshPage } from "../../core/js/fresh_page.js";
import { PostForm } from "./post_form.js";

// Calls `saved(post)` with the stored post. If the form can't be fetched, opens the page with the form.
export async function openEditor(article, saved) {
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
    link.focus({ preventScroll: true });
  }

  new PostForm(form, (fields) => patch(article.dataset.api, fields), (stored) => {
    close();
    saved(stored);
  });
  form.querySelector("[data-cancel]").addEventListener("click", (event) => {
    event.preventDefault();
    close();
  });
  // Pressing Escape by mistake must not discard a changed text.
  form.addEventListener("keydown", (event) => {
    const isChanged = [...form.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue);
    if (event.key !== "Escape" || event.isComposing || isChanged) return;
    event.preventDefault();
    close();
  });
}
