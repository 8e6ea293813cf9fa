// Links to "#new" lead to the field for a new item, also from its own page. Browsers ignore `autofocus` when the
// address has a fragment.

export function focusWhenNamed(fragment, focus) {
  const check = () => location.hash === `#${fragment}` && focus();
  window.addEventListener("hashchange", check);
  // Checked after loading, because a browser that scrolls to the fragment removes the focus.
  window.addEventListener("load", check);
}
