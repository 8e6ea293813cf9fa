// An action that runs after some seconds, until which the user can undo it. A new action runs the waiting action first.

import { systemClock } from "./clock.js";

const UNDO_TIME = 8000;

export class UndoableAction {
  #clock;
  #waiting = null;

  constructor(clock = systemClock) {
    this.#clock = clock;
  }

  // `job()` runs when the time has passed or `settle()` is called; `undo()` runs instead if the user undoes it.
  start({ job, undo }) {
    this.settle();
    this.#waiting = { job, undo, timer: this.#clock.setTimeout(() => this.settle(), UNDO_TIME) };
  }

  settle() {
    this.#take()?.job();
  }

  undo() {
    this.#take()?.undo();
  }

  #take() {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) this.#clock.clearTimeout(waiting.timer);
    return waiting;
  }
}
