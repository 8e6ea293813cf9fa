// Draws an answer while it is streamed. Repeated and late chunks don't duplicate text.
//
// A completed block of Markdown replaces its text once as HTML, and isn't changed afterwards. The text after the last
// completed block is the tail.

export class StreamingMessage {
  #tail;
  #length;
  #drawn;
  #held = []; // blocks that wait until the user no longer selects their text

  constructor(element) {
    this.#tail = element.querySelector("[data-tail]");
    // The counts of the server, if it rendered the text, because a browser reads "\r\n" in a page as one character.
    const { length, drawn } = element.querySelector("[data-body]").dataset;
    this.#length = Number(length ?? characters(this.#tail.textContent).length);
    this.#drawn = Number(drawn ?? 0);
  }

  // The length in Unicode characters, like every offset.
  get length() {
    return this.#length;
  }

  // Returns whether the chunk had new text.
  append({ offset, content }) {
    if (offset > this.#length) return false; // An earlier chunk is missing. The server will send the text again.
    const added = characters(content).slice(this.#length - offset);
    this.#tail.append(added.join(""));
    this.#length += added.length;
    return added.length > 0;
  }

  // Replaces the text from `offset` to `length` with `nodes`. If earlier blocks were missed, their text stays text.
  // While the user has selected the block's text, to copy it, the block waits until `release`.
  draw({ offset, length }, nodes) {
    if (offset < this.#drawn || length > this.#length || this.#held.some((held) => length <= held.length)) return false;
    this.#held.push({ offset, length, nodes });
    return this.release();
  }

  // Draws the waiting blocks in order, up to the first whose text is selected; returns whether any block was drawn.
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

  // Removes the first `count` characters of the tail and returns them. The remaining text nodes are kept.
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

  // Returns whether the user's selection includes any of the first `count` characters of the tail.
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

// Splits text into Unicode characters, as Python counts them. String.length would count an emoji twice.
function characters(text) {
  return Array.from(text);
}
