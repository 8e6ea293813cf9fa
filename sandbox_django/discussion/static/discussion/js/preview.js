// Write or Preview: what Markdown will look like, as the server draws it.

import { post } from "../../core/js/api.js";
import { copyButtons } from "../../core/js/copy.js";
import { errorMessage } from "../../core/js/error_message.js";

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
    preview.style.minBlockSize = `${field.offsetHeight}px`; // what stands below stays where it is
    show(true);
    if (!field.value.trim()) {
      preview.textContent = "Nothing written yet.";
      return;
    }
    preview.setAttribute("aria-busy", "true");
    try {
      // Markdown's HTML comes from the server only, and is sanitised there.
      preview.innerHTML = (await post(write.dataset.previewUrl, { content: field.value })).contentHtml;
    } catch (error) {
      preview.textContent = errorMessage(error);
    }
    preview.removeAttribute("aria-busy");
  });
  // A field that is wrong, or sent, has to be seen.
  field.addEventListener("invalid", () => show(false));
  field.form.addEventListener("reset", () => show(false));

  function show(isPreview) {
    field.hidden = isPreview;
    preview.hidden = !isPreview;
    source.setAttribute("aria-pressed", String(!isPreview));
    drawn.setAttribute("aria-pressed", String(isPreview));
  }
}
