// Stores on the server how far the user has read. The position never moves back, and is stored seldom.
//
// In a busy room, all members read each message at the same moment. So a page waits for a random time before it stores
// its position. This time grows with the number of users who have the room open, so that together they send about seven
// requests a second, however many they are. When the page is hidden or left, it stores its position at once.

const SECOND = 1000;
const SHORTEST_WAIT = 2 * SECOND;
const LONGEST_WAIT = 60 * SECOND;
const PER_READER = 0.1 * SECOND;

export class ReadMarker {
  #store;
  #clock;
  #random;
  #stored; // the number of the last message that is stored as read
  #seen; // the last read message, as { id, number }
  #timer = null;
  #readers = 1;
  #failures = 0;

  // `store(id, { isLeaving })` resolves when the server has stored the position. `lastRead` is a message's number.
  constructor(store, lastRead, { clock, random = Math.random }) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#stored = lastRead;
    this.#seen = { id: null, number: lastRead };
  }

  get lastRead() {
    return this.#seen.number;
  }

  set readers(count) {
    this.#readers = Math.max(1, count);
  }

  read({ id, number }) {
    if (number <= this.#seen.number) return;
    this.#seen = { id, number };
    if (this.#timer === null) this.#schedule();
  }

  // Called when the server already has this position, because the user sent the message or read it on another page.
  known(number) {
    this.#stored = Math.max(this.#stored, number);
    if (number > this.#seen.number) this.#seen = { id: null, number };
  }

  // Called when the page is hidden or left.
  flush() {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isUnsaved) this.#send({ isLeaving: true });
  }

  get #isUnsaved() {
    return this.#seen.id !== null && this.#seen.number > this.#stored;
  }

  #schedule() {
    const wait = Math.min(Math.max(SHORTEST_WAIT, this.#readers * PER_READER) * 2 ** this.#failures, LONGEST_WAIT);
    this.#timer = this.#clock.setTimeout(() => this.#run(), wait * (1 + this.#random()));
  }

  async #run() {
    this.#timer = null;
    if (this.#isUnsaved && !(await this.#send({ isLeaving: false }))) this.#schedule();
  }

  async #send(how) {
    const { id, number } = this.#seen;
    const before = this.#stored;
    this.#stored = number;
    try {
      await this.#store(id, how);
      this.#failures = 0;
      return true;
    } catch {
      this.#failures += 1;
      if (this.#stored === number) this.#stored = before;
      return false;
    }
  }
}
