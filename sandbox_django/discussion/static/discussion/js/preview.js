// The tabs "Write" and "Preview". The server renders the preview.

import { post } from "../../core/js/api.js";
import { copyButtons } from "../../core/js/copy.js";
import { errorMessage } from "../../core/js/error_message.js";
import { nodesOf } from "../../core/js/server_html.js";

export function wirePreviews(root) {
  for (const write of root.querySelectorAll("[data-write]")) wire(write);
}

function wire(write) {
  const field = write.querySelector("textarea");
  const preview = write.querySelector("[data-preview]");
  const [source, drawn] = [write.querySelector("[data-show-source]"), write.querySelector("[data-show-preview]")];
  write.querySelector("[data-write-tabs]").hidden = false;
  copyButtons(preview);
  source.addEventListener("click", () => {
    show(false);
    field.focus();
  });
  drawn.addEventListener("click", async () => {
    preview.style.minBlockSize = `${field.offsetHeight}px`; // keeps the elements below in place
    show(true);
    if (!field.value.trim()) {
      preview.textContent = "Nothing written yet.";
      return;
    }
    preview.setAttribute("aria-busy", "true");
    try {
      preview.replaceChildren(...nodesOf((await post(write.dataset.previewUrl, { content: field.value })).contentHtml));
    } catch (error) {
      preview.textContent = errorMessage(error);
    }
    preview.removeAttribute("aria-busy");
  });
  // Shows the text field if it is invalid or was emptied.
  field.addEventListener("invalid", () => show(false));
  field.form.addEventListener("reset", () => show(false));

  function show(isPreview) {
    field.hidden = isPreview;
    preview.hidden = !isPreview;
    source.setAttribute("aria-pressed", String(!isPreview));
    drawn.setAttribute("aria-pressed", String(isPreview));
  }
}
