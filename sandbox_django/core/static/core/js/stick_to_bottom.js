// Keeps a log scrolled to its end if the user is at the end; otherwise keeps the visible rows in place.

const NEAR = 48; // pixels

export class StickToBottom {
  #log;
  #isAtEnd;
  #measured;
  #onAwayChange;
  #hasEnd;

  // `onAwayChange()` is called when the user leaves the end or returns to it. `hasEnd()` returns whether the log's end
  // is loaded; if it isn't, the user can't be at the end.
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

  // Runs `change`, which redraws rows. If the user is at the end, the log stays there. Otherwise, the first visible row
  // that still exists keeps its place.
  keepPlace(change) {
    const before = this.isAtEnd ? [] : rowsOnScreen(this.#log).map((row) => [row, row.getBoundingClientRect().top]);
    change();
    const [row, top] = before.find(([one]) => one.isConnected) ?? [];
    if (row) this.#log.scrollTop += row.getBoundingClientRect().top - top;
    if (this.isAtEnd) this.toEnd();
  }

  // Called after the page's script has filled or scrolled the log.
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

// Returns whether a scroll was due to a change of the layout. If the rows above shrink, the browser scrolls by itself,
// and the user has not left the end. Rows that are added at the end don't scroll the log up, so only the user can do
// that.
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
