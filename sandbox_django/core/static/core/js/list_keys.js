// Keyboard shortcuts for the list beside a page: arrows move through its links, "/" focuses the search, and Alt+N
// starts a new item.

// `links()` returns the list's links in order. Without a list, only the other shortcuts work.
export function wireListKeys(list = null, links = () => []) {
  document.addEventListener("keydown", onShortcut);
  list?.addEventListener("keydown", (event) => moveFocus(event, list, links()));
}

function moveFocus(event, list, links) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = links.indexOf(event.target);
  const isInSearch = event.target.matches("[data-search]");
  if (!step || (at < 0 && !(isInSearch && step > 0))) return;
  event.preventDefault();
  (links[at + step] ?? (step < 0 ? list.querySelector("[data-search]") : event.target)).focus();
}

// `code` is used because on some keyboards Alt+N types another letter.
function onShortcut(event) {
  const { key, code, altKey, ctrlKey, metaKey, target } = event;
  if (altKey && code === "KeyN" && !ctrlKey && !metaKey) {
    event.preventDefault();
    document.querySelector("[data-new]")?.click();
  } else if (key === "/" && !ctrlKey && !metaKey && !target.closest("input, textarea, select, dialog")) {
    const search = [...document.querySelectorAll("[data-search]")].find((field) => field.checkVisibility());
    if (!search) return;
    event.preventDefault();
    search.select();
    search.focus();
  }
}
