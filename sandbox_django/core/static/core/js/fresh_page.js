// Updates a part of the page with the server's current HTML. Equal rows aren't replaced, so that nothing flickers and
// the focus is kept.

import { accountHeader } from "./account.js";

const FOCUSABLE = "a[href], button, input, textarea, summary, [tabindex]";

export class PageError extends Error {
  constructor(status) {
    super(`The server returned ${status} for the page.`);
    this.status = status;
  }
}

// Fetches a page, by default the current page, and returns its document.
export async function freshPage(url = location.href) {
  const response = await fetch(url, { headers: { Accept: "text/html", ...accountHeader() } });
  if (!response.ok || response.redirected) throw new PageError(response.status);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// Replaces the rows of `place` by those of `fresh`, matched by their data-key. A row for which `keep(row)` returns true
// is not changed.
export function merge(place, fresh, { keep = () => false } = {}) {
  const freshRows = [...fresh.children].map((row) => document.adoptNode(row));
  const keys = new Set(freshRows.map((row) => row.dataset.key));
  for (const row of [...place.children]) if (!keys.has(row.dataset.key) && !keep(row)) row.remove();
  let before = null;
  for (const row of freshRows) {
    const here = [...place.children].find((other) => other.dataset.key === row.dataset.key);
    const shown = here && (keep(here) || isSame(here, row)) ? here : row;
    if (here && shown !== here) replace(here, row);
    const next = before ? before.nextElementSibling : place.firstElementChild;
    if (shown !== next) place.insertBefore(shown, next);
    before = shown;
  }
}

function isSame(one, other) {
  return comparable(one) === comparable(other);
}

// Returns a row's HTML without CSRF tokens, which differ in every response.
function comparable(row) {
  const copy = row.cloneNode(true);
  for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
  return copy.outerHTML;
}

function replace(here, row) {
  const at = [...here.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  here.replaceWith(row);
  if (at >= 0) row.querySelectorAll(FOCUSABLE)[at]?.focus({ preventScroll: true });
}
