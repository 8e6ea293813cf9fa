// Fetches again after missed events or a reconnect, and retries until a fetch succeeds.
//
// After a restart of the server, a thousand pages fetch. So each page waits for a random time first, and longer after
// each failure.

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

  // The promise of `work()` rejects if the fetch fails. `failed(error)` is called at the first failure of each request.
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

  // Requests a fetch within `spread` milliseconds. If a fetch is running, another fetch follows, because the running
  // fetch may have read the data before the change.
  request({ spread = SPREAD } = {}) {
    if (this.#isClosed) return;
    this.#isRequested = true;
    this.#attempts = 0;
    if (!this.#isBusy && this.#timer === null) this.#schedule(spread);
  }

  // Retries a failed fetch soon, because the page is connected again.
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
