// What can be done with the conversation that is open, behind one button.

import { openRenameDialog, deleteConversation } from "./conversation_list.js";

export function wireConversationMenu() {
  const menu = document.querySelector("[data-menu]");
  menu.addEventListener("click", ({ target }) => {
    if (!target.matches(".menu__item:not([data-copy])")) return;
    menu.open = false;
    if (target.matches("[data-rename-this]")) openRenameDialog();
    if (target.matches("[data-delete-this]")) deleteConversation();
  });
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
