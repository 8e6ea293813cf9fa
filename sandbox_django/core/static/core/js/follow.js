// Keeps a log at its end for a reader who is there, and leaves everybody else where they are.

const NEAR = 48; // pixels

export class Follower {
  #log;
  #isAtEnd = true;

  // `whenAway(isAway)` hears when the reader leaves the end, or comes back to it.
  constructor(log, { whenAway = () => {} } = {}) {
    this.#log = log;
    log.addEventListener(
      "scroll",
      () => {
        const isAtEnd = isNearEnd(log);
        if (isAtEnd !== this.#isAtEnd) whenAway(!isAtEnd);
        this.#isAtEnd = isAtEnd;
      },
      { passive: true },
    );
    const growth = new ResizeObserver(() => this.#isAtEnd && this.toEnd());
    growth.observe(log);
    growth.observe(log.firstElementChild);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

export function isNearEnd({ scrollTop, clientHeight, scrollHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR;
}
