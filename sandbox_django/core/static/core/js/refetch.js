// Fetches again after a gap or a reconnect, and keeps trying until it has worked.
//
// A server that comes back has a thousand pages that all want to fetch: each waits for a random time first, and after
// each failure for a longer one.

const SECOND = 1000;
const SPREAD = 5 * SECOND;
const LONGEST_WAIT = 60 * SECOND;

const systemClock = {
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class Refetch {
  #work;
  #failed;
  #clock;
  #random;
  #timer = null;
  #attempts = 0;
  #isBusy = false;
  #isRequested = false;

  // `work()` rejects when it could not fetch. `failed(error)` is called once per request, at its first failure.
  constructor(work, { failed = () => {}, clock = systemClock, random = Math.random } = {}) {
    this.#work = work;
    this.#failed = failed;
    this.#clock = clock;
    this.#random = random;
  }

  // Whether something is still to be fetched.
  get isPending() {
    return this.#isRequested || this.#isBusy;
  }

  // Calls during a fetch are answered by one more fetch after it: it may have read before the change.
  request({ spread = SPREAD } = {}) {
    this.#isRequested = true;
    this.#attempts = 0;
    if (!this.#isBusy && this.#timer === null) this.#schedule(spread);
  }

  // There is a connection again: don't wait for the next attempt.
  retryNow() {
    if (this.#timer === null || this.#attempts === 0) return;
    this.#clock.clearTimeout(this.#timer);
    this.#schedule(SECOND);
  }

  close() {
    this.#clock.clearTimeout(this.#timer);
    this.#isRequested = false;
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
      this.#isRequested = true;
      if (this.#attempts === 0) this.#failed(error);
      this.#attempts += 1;
    }
    this.#isBusy = false;
    if (this.#isRequested) this.#schedule(Math.min(SECOND * 2 ** this.#attempts, LONGEST_WAIT));
  }
}
