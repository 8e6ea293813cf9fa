// Keeps a log at its end for a user who is there, and keeps every other user's place.

const NEAR = 48; // pixels

export class StickToBottom {
  #log;
  #isAtEnd;
  #measured;
  #onAwayChange;
  #hasEnd;

  // `onAwayChange()` is called when the user leaves the end or comes back to it. `hasEnd()` returns whether the log's end
  // is loaded; where it isn't, no user is at it.
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

  // Runs `change`, which redraws rows. A user at the end stays there; for any other the first row on the screen that is
  // left stays where it is.
  keepPlace(change) {
    const before = this.isAtEnd ? [] : rowsOnScreen(this.#log).map((row) => [row, row.getBoundingClientRect().top]);
    change();
    const [row, top] = before.find(([one]) => one.isConnected) ?? [];
    if (row) this.#log.scrollTop += row.getBoundingClientRect().top - top;
    if (this.isAtEnd) this.toEnd();
  }

  // The page has filled or scrolled the log.
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
    this.#onAwayChange();
  }
}

export function isNearEnd({ scrollTop, clientHeight, scrollHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR;
}

// A browser scrolls by itself when the rows above shrink: the user has not left the end then. Rows that are added at the
// end move nothing up, so a move upwards in the meantime is the user's.
export function isLayoutChange(before, now) {
  return (
    now.scrollTop >= before.scrollTop ||
    now.scrollHeight < before.scrollHeight ||
    now.clientHeight !== before.clientHeight
  );
}

function rowsOnScreen(log) {
  const { top, bottom } = log.getBoundingClientRect();
  return [...log.querySelectorAll("[data-message]")].filter((row) => {
    const box = row.getBoundingClientRect();
    return box.bottom > top && box.top < bottom && box.height > 0;
  });
}

function measure({ scrollTop, clientHeight, scrollHeight }) {
  return { scrollTop, clientHeight, scrollHeight };
}
