// Copy buttons: [data-copy] copies the code block below the button, and [data-copy="text"] copies that text.

const SHOWN_FOR = 1600;
const SELECTED = "Press Ctrl+C to copy";
const SELECTED_ON_APPLE = "Press ⌘C to copy";

let region = null; // announces the result to screen readers

export function copyButtons(root) {
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-copy]");
    if (button) copyText(textFor(button), button, sourceFor(button));
  });
}

// `text` may be a promise. `source` is the element that shows the text, if there is one: it is selected if copying
// fails.
export async function copyText(text, button, source = null) {
  const blob = Promise.resolve(text).then((words) => new Blob([words], { type: "text/plain" }));
  try {
    // Safari requires this call during the click, so the text's promise is passed, not awaited.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    show(button, "Copied");
  } catch {
    // Copying isn't allowed, there is no clipboard API (over plain HTTP), or the text could not be fetched.
    await copyWithoutClipboard(text, button, source);
  }
}

async function copyWithoutClipboard(text, button, source) {
  let words;
  try {
    words = await text;
  } catch {
    show(button, "Not copied");
    return;
  }
  if (copyFromField(words)) show(button, "Copied");
  else if (source) {
    getSelection().selectAllChildren(source);
    show(button, navigator.platform.startsWith("Mac") ? SELECTED_ON_APPLE : SELECTED);
  } else show(button, "Not copied");
}

// Copies with the older `execCommand`, which also works without HTTPS.
function copyFromField(words) {
  const field = document.createElement("textarea");
  field.value = words;
  field.className = "visually-hidden";
  field.readOnly = true; // so that a phone doesn't open its keyboard
  const focused = document.activeElement;
  // Appended inside an open dialog, because elements outside the dialog can't have the focus.
  (focused?.closest("dialog") ?? document.body).append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    focused?.focus({ preventScroll: true });
  }
}

function textFor(button) {
  return button.dataset.copy || sourceFor(button).textContent;
}

function sourceFor(button) {
  return button.closest("figure")?.querySelector("code") ?? null;
}

function show(button, words) {
  button.dataset.label ??= button.textContent;
  button.textContent = words;
  announce(words);
  setTimeout(() => {
    button.textContent = button.dataset.label;
  }, SHOWN_FOR);
}

function announce(words) {
  if (region === null) {
    region = document.createElement("p");
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  region.textContent = "";
  setTimeout(() => (region.textContent = words)); // so that screen readers announce an equal text again
}
