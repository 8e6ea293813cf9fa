// An answer that is being streamed: puts each chunk in its place once, also repeated and late ones.
//
// A finished block replaces its text once, and is not changed afterwards. The rest, the tail, is text.

export class StreamingMessage {
  #tail;
  #length;
  #drawn;
  #held = []; // blocks that wait until their text isn't selected any more

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

  // Returns whether the chunk had new text.
  append({ offset, content }) {
    if (offset > this.#length) return false; // A chunk before it is missing: the server sends the text again, from the start.
    const added = characters(content).slice(this.#length - offset);
    this.#tail.append(added.join(""));
    this.#length += added.length;
    return added.length > 0;
  }

  // Replaces the text from `offset` to `length` with `nodes`. The text of blocks that were missed before it stays text.
  // While the user has the text selected, to copy it, the block is held; `release` draws it.
  draw({ offset, length }, nodes) {
    if (offset < this.#drawn || length > this.#length || this.#held.some((held) => length <= held.length)) return false;
    this.#held.push({ offset, length, nodes });
    return this.release();
  }

  // Draws the blocks whose text isn't selected, in order; returns whether there was one.
  release() {
    const before = this.#drawn;
    while (this.#held.length && !this.#isSelected(this.#held[0].length - this.#drawn)) {
      const { offset, length, nodes } = this.#held.shift();
      const missed = this.#cut(offset - this.#drawn).trimEnd();
      this.#cut(length - offset);
      this.#tail.before(...(missed ? [this.#textOf(missed)] : []), ...nodes);
      this.#drawn = length;
    }
    return this.#drawn > before;
  }

  // Removes so many characters from the tail's start. The rest stays the same text nodes.
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

  // Whether the selection touches the first `count` characters of the tail.
  #isSelected(count) {
    const selection = globalThis.getSelection?.();
    if (!selection || selection.isCollapsed || !selection.containsNode(this.#tail, true)) return false;
    const selected = selection.getRangeAt(0);
    if (!this.#tail.contains(selected.startContainer)) return true;
    const before = document.createRange();
    before.setStart(this.#tail, 0);
    before.setEnd(selected.startContainer, selected.startOffset);
    return characters(before.toString()).length < count;
  }
}

// Counts as Python does; String.length would count an emoji twice.
function characters(text) {
  return Array.from(text);
}
