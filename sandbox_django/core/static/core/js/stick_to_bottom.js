// Keeps a log at its end for a reader who is there, and leaves everybody else where they are.

const NEAR = 48; // pixels

export class StickToBottom {
  #log;
  #isAtEnd;
  #measured;
  #onAwayChange;
  #hasEnd;

  // `onAwayChange(isAway)` hears when the reader leaves the end, or comes back to it. `hasEnd()`: whether the log's end is
  // loaded; where it isn't, nobody is at it.
  constructor(log, { startsAtEnd = true, onAwayChange = () => {}, hasEnd = () => true } = {}) {
    this.#hasEnd = hasEnd;
    this.#log = log;
    this.#isAtEnd = startsAtEnd;
    this.#onAwayChange = onAwayChange;
    this.#measured = measure(log);
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const growth = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    growth.observe(log);
    growth.observe(log.firstElementChild);
  }

  get isAtEnd() {
    return this.#isAtEnd && this.#hasEnd();
  }

  // The log was filled anew, or scrolled by the page itself.
  update() {
    this.#measured = measure(this.#log);
    this.#setAtEnd(isNearEnd(this.#measured));
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#measured = measure(this.#log);
  }

  #scrolled() {
    const now = measure(this.#log);
    const isAtEnd = isNearEnd(now) || (this.#isAtEnd && isLayoutChange(this.#measured, now));
    this.#measured = now;
    this.#setAtEnd(isAtEnd);
  }

  #setAtEnd(isNearEnd) {
    const isAtEnd = isNearEnd && this.#hasEnd();
    if (isAtEnd === this.#isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#onAwayChange(!isAtEnd);
  }
}

export function isNearEnd({ scrollTop, clientHeight, scrollHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR;
}

// A browser also scrolls by itself, when what stands above becomes smaller; the reader did not leave then. What is added
// at the end moves nothing up: who does that meanwhile is a reader.
export function isLayoutChange(before, now) {
  return (
    now.scrollTop >= before.scrollTop ||
    now.scrollHeight < before.scrollHeight ||
    now.clientHeight !== before.clientHeight
  );
}

function measure({ scrollTop, clientHeight, scrollHeight }) {
  return { scrollTop, clientHeight, scrollHeight };
}
