// Something that is done a little later, so that it can still be undone. One at a time: the next one settles the last.

const UNDO_TIME = 8000;

const systemClock = {
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class UndoableAction {
  #clock;
  #waiting = null;

  constructor(clock = systemClock) {
    this.#clock = clock;
  }

  // `job()` is done when the time is over or `settle()` is called, `undo()` when somebody thinks better of it.
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
