// The menu of the open conversation: rename, delete.

import { wireMenus } from "../../core/js/menus.js";
import { deleteConversation, openRenameDialog } from "./conversation_list.js";

export function wireConversationMenu() {
  const menu = document.querySelector("[data-menu]");
  menu.addEventListener("click", ({ target }) => {
    if (!target.matches(".menu__item:not([data-copy])")) return;
    menu.open = false;
    if (target.matches("[data-rename-this]")) openRenameDialog();
    if (target.matches("[data-delete-this]")) deleteConversation();
  });
  wireMenus(document);
}
