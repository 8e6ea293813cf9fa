// Copy buttons: [data-copy] copies the code it stands above, [data-copy="text"] that text.

const SAID_FOR = 1600;

export function copyButtons(root) {
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-copy]");
    if (button) copyText(textFor(button), button);
  });
}

// `text` may still be on its way.
export async function copyText(text, button) {
  const blob = Promise.resolve(text).then((words) => new Blob([words], { type: "text/plain" }));
  try {
    // Safari wants to be asked while the button is being pressed, not when the text has come.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    say(button, "Copied");
  } catch {
    // Not allowed, not offered (plain HTTP to another machine), or the text could not be fetched.
    say(button, "Not copied");
  }
}

function textFor(button) {
  return button.dataset.copy || button.closest("figure").querySelector("code").textContent;
}

function say(button, words) {
  button.dataset.label ??= button.textContent;
  button.textContent = words;
  setTimeout(() => {
    button.textContent = button.dataset.label;
  }, SAID_FOR);
}
