// The conversation's own name: shown wherever it stands, changed and deleted from the menu.

import { patch, remove } from "../../core/js/api.js";

export function manageConversation(live) {
  live.addEventListener("conversation_updated", ({ detail }) => showTitle(detail));
  const menu = document.querySelector("[data-menu]");
  if (menu) wire(menu);
}

function showTitle({ id, title }) {
  const places = document.querySelectorAll(`[data-title], [data-conversation-row="${id}"] .row__title`);
  document.title = title + document.title.slice(places[0].textContent.length);
  for (const place of places) place.textContent = title;
}

function wire(menu) {
  const { conversationUrl } = menu.dataset;
  menu.addEventListener("click", ({ target }) => {
    const { open } = target.dataset;
    if (!open) return;
    menu.open = false;
    document.querySelector(`[data-dialog="${open}"]`).showModal();
  });
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  submits("rename", async (form) => showTitle(await patch(conversationUrl, { title: form.elements.title.value })));
  submits("delete", async () => {
    await remove(conversationUrl);
    location.assign(new URL("..", location.href));
  });
}

// The dialog closes when it is done; until then it says what is in the way.
function submits(name, job) {
  const dialog = document.querySelector(`[data-dialog="${name}"]`);
  const problem = dialog.querySelector("[data-problem]");
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await job(event.target);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}
