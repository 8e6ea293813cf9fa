// One answer while it is being written: puts pieces in their place, whatever comes twice or late.
//
// Finished blocks take the place of their text, once: what is drawn is not touched again. The rest, the tail, is text.

export class StreamingMessage {
  #tail;
  #length;
  #drawn;

  constructor(element) {
    this.#tail = element.querySelector("[data-tail]");
    // The server's own counts if it wrote the text: a browser reads "\r\n" in a page as one character.
    const { length, drawn } = element.querySelector("[data-body]").dataset;
    this.#length = Number(length ?? characters(this.#tail.textContent).length);
    this.#drawn = Number(drawn ?? 0);
  }

  // In Unicode characters, like every offset.
  get length() {
    return this.#length;
  }

  // Says whether anything was new.
  append({ offset, content }) {
    if (offset > this.#length) return false; // Something before it is missing: it comes again, from the start.
    const added = characters(content).slice(this.#length - offset);
    this.#tail.append(added.join(""));
    this.#length += added.length;
    return added.length > 0;
  }

  // Puts `nodes` in the place of the text from `offset` to `length`. What was missed before them stays text.
  draw({ offset, length }, nodes) {
    if (offset < this.#drawn || length > this.#length || this.#isBeingSelected()) return false;
    const missed = this.#cut(offset - this.#drawn).trimEnd();
    this.#cut(length - offset);
    this.#tail.before(...(missed ? [this.#textOf(missed)] : []), ...nodes);
    this.#drawn = length;
    return true;
  }

  // Takes so many characters from the tail's start. What is left stays the same text nodes.
  #cut(count) {
    let taken = "";
    let left = count;
    while (left > 0 && this.#tail.firstChild) {
      const node = this.#tail.firstChild;
      const cut = characters(node.data).slice(0, left);
      taken += cut.join("");
      left -= cut.length;
      node.deleteData(0, cut.join("").length);
      if (!node.data) node.remove();
    }
    return taken;
  }

  #textOf(words) {
    const text = document.createElement("div");
    text.className = this.#tail.className;
    text.textContent = words;
    return text;
  }

  // Text that somebody is about to copy is left alone.
  #isBeingSelected() {
    const selection = globalThis.getSelection?.();
    return Boolean(selection && !selection.isCollapsed && selection.containsNode(this.#tail, true));
  }
}

// Counts as Python does; String.length would count an emoji twice.
function characters(text) {
  return Array.from(text);
}
