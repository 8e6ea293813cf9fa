// Makes shown rows be what the server draws now, and leaves alone what is the same: nothing flickers, no focus is lost.

import { accountHeader } from "../../core/js/account.js";

const FOCUSABLE = "a[href], button, input, textarea, summary, [tabindex]";

// Rows are the same when their data-key is. `keep(row)` says that one must stay as it is for now.
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

// Fetches this page once more and returns its document.
export async function freshPage(url = location.href) {
  const response = await fetch(url, { headers: { Accept: "text/html", ...accountHeader() } });
  if (!response.ok || response.redirected) throw new Error(`The page answered ${response.status}.`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function isSame(one, other) {
  return comparable(one) === comparable(other);
}

// Each page has its own token in its forms, which means nothing.
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
