// Keeps a log at its end for a reader who is there, and leaves everybody else where they are.

const NEAR = 48; // pixels

export class Follower {
  #log;
  #isAtEnd;
  #seen;
  #whenAway;

  // `whenAway(isAway)` hears when the reader leaves the end, or comes back to it.
  constructor(log, { startsAtEnd = true, whenAway = () => {} } = {}) {
    this.#log = log;
    this.#isAtEnd = startsAtEnd;
    this.#whenAway = whenAway;
    this.#seen = measure(log);
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const growth = new ResizeObserver(() => this.#isAtEnd && this.toEnd());
    growth.observe(log);
    growth.observe(log.firstElementChild);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#seen = measure(this.#log);
  }

  #scrolled() {
    const now = measure(this.#log);
    const wasAtEnd = this.#isAtEnd;
    this.#isAtEnd = isNearEnd(now) || (wasAtEnd && isSomethingElse(this.#seen, now));
    this.#seen = now;
    if (this.#isAtEnd !== wasAtEnd) this.#whenAway(!this.#isAtEnd);
  }
}

export function isNearEnd({ scrollTop, clientHeight, scrollHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR;
}

// A browser also scrolls by itself, when what stands above becomes smaller; the reader did not leave then. What is added
// at the end moves nothing up: who does that meanwhile is a reader.
export function isSomethingElse(before, now) {
  return (
    now.scrollTop >= before.scrollTop ||
    now.scrollHeight < before.scrollHeight ||
    now.clientHeight !== before.clientHeight
  );
}

function measure({ scrollTop, clientHeight, scrollHeight }) {
  return { scrollTop, clientHeight, scrollHeight };
}
