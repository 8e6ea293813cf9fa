// Fetches again after a gap or a reconnect, and retries until it succeeds.
//
// After a restart of the server a thousand pages fetch: each waits for a random time first, and longer after each failure.

import { systemClock } from "./clock.js";

const SECOND = 1000;
const SPREAD = 5 * SECOND;
const LONGEST_WAIT = 60 * SECOND;

export class Refetch {
  #work;
  #failed;
  #clock;
  #random;
  #timer = null;
  #attempts = 0;
  #isBusy = false;
  #isRequested = false;
  #isClosed = false;

  // `work()` rejects when it could not fetch. `failed(error)` is called at the first failure of each request.
  constructor(work, { failed = () => {}, clock = systemClock, random = Math.random } = {}) {
    this.#work = work;
    this.#failed = failed;
    this.#clock = clock;
    this.#random = random;
  }

  // Returns whether a fetch is running or will run.
  get isPending() {
    return this.#isRequested || this.#isBusy;
  }

  // A call during a fetch leads to another one after it: the first may have read before the change.
  request({ spread = SPREAD } = {}) {
    if (this.#isClosed) return;
    this.#isRequested = true;
    this.#attempts = 0;
    if (!this.#isBusy && this.#timer === null) this.#schedule(spread);
  }

  // The page is connected again: the next attempt need not wait.
  retryNow() {
    if (this.#timer === null || this.#attempts === 0) return;
    this.#clock.clearTimeout(this.#timer);
    this.#schedule(SECOND);
  }

  close() {
    this.#clock.clearTimeout(this.#timer);
    this.#isRequested = false;
    this.#isClosed = true;
  }

  #schedule(spread) {
    this.#timer = this.#clock.setTimeout(() => this.#run(), this.#random() * spread);
  }

  async #run() {
    this.#timer = null;
    if (!this.#isRequested) return;
    this.#isBusy = true;
    this.#isRequested = false;
    try {
      await this.#work();
      this.#attempts = 0;
    } catch (error) {
      this.#isRequested = !this.#isClosed;
      if (this.#attempts === 0) this.#failed(error);
      this.#attempts += 1;
    }
    this.#isBusy = false;
    if (this.#isRequested) this.#schedule(Math.min(SECOND * 2 ** this.#attempts, LONGEST_WAIT));
  }
}
