// Copy buttons: [data-copy] copies the code it stands above, [data-copy="text"] that text.

const SAID_FOR = 1600;

export function copyButtons(root) {
  root.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(textFor(button));
    sayCopied(button);
  });
}

function textFor(button) {
  return button.dataset.copy || button.closest("figure").querySelector("code").textContent;
}

function sayCopied(button) {
  const label = button.textContent;
  if (label === "Copied") return;
  // The button keeps its width, so that nothing beside it moves.
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = label;
  }, SAID_FOR);
}
