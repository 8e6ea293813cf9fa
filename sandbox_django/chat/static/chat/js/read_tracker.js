// Tracks how far the user has read: up to the last message that was visible while the window was in use.

import { SeenRows } from "./seen_rows.js";

export class ReadTracker {
  #timeline;
  #marker;
  #changed;
  #isAtEnd;
  #seen;
  #isClosed = false;

  // `marker` is the ReadMarker that stores the position. `changed(number)` is called when the position moves.
  // `isAtEnd()` returns whether the newest message is visible.
  constructor(log, timeline, marker, { changed, isAtEnd }) {
    this.#timeline = timeline;
    this.#marker = marker;
    this.#changed = changed;
    this.#isAtEnd = isAtEnd;
    this.#seen = new SeenRows(log, () => this.check());
    window.addEventListener("focus", () => this.check());
    document.addEventListener("visibilitychange", () => {
      this.check();
      if (document.visibilityState === "hidden") marker.flush();
    });
    window.addEventListener("pagehide", () => marker.flush());
  }

  get lastRead() {
    return this.#marker.lastRead;
  }

  // Returns whether the user sees new messages as they arrive.
  get isReading() {
    return this.#isInUse && this.#isAtEnd();
  }

  add(row) {
    this.#seen.add(row);
  }

  remove(row) {
    this.#seen.remove(row);
  }

  check() {
    if (!this.#isInUse) return;
    const ids = this.#seen.visible.map((row) => Number(row.dataset.message)).filter(Boolean);
    const newest = this.#timeline.message(Math.max(...ids));
    if (newest === null || newest.number <= this.lastRead) return;
    this.#marker.read(newest);
    this.#changed(newest.number);
  }

  close() {
    this.#isClosed = true;
  }

  get #isInUse() {
    return document.visibilityState === "visible" && document.hasFocus() && !this.#isClosed;
  }
}
