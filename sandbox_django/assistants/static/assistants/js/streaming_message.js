// One answer while it is being written: puts pieces in their place, whatever comes twice or late.

export class StreamingMessage {
  #body;
  #length;

  constructor(element) {
    this.#body = element.querySelector("[data-body]");
    // The server's own count if it wrote the text: a browser reads "\r\n" in a page as one character.
    this.#length = Number(this.#body.dataset.length ?? characters(this.#body.textContent).length);
  }

  // In Unicode characters, like every offset.
  get length() {
    return this.#length;
  }

  // Says whether anything was new.
  append({ offset, content }) {
    if (offset > this.#length) return false; // Something before it is missing: it comes again, from the start.
    const added = characters(content).slice(this.#length - offset);
    this.#body.append(added.join(""));
    this.#length += added.length;
    return added.length > 0;
  }
}

// Counts as Python does; String.length would count an emoji twice.
function characters(text) {
  return Array.from(text);
}
