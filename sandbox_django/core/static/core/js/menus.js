// Menus (<details data-menu>) close on a click beside them and on Escape.

export function wireMenus(root) {
  document.addEventListener("click", ({ target }) => {
    for (const menu of root.querySelectorAll("[data-menu][open]")) if (!menu.contains(target)) menu.open = false;
  });
  root.addEventListener("keydown", ({ key, target }) => {
    const menu = target.closest("[data-menu]");
    if (key !== "Escape" || !menu?.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
