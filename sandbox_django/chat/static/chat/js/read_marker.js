// Tells the server how far I have read: never backwards, and not at every message of a lively room.

const PAUSE = 800;

export class ReadMarker {
  #tell;
  #clock;
  #told;
  #wanted = 0;
  #isBusy = false;

  // `tell(id)` resolves when the server knows.
  constructor(tell, lastRead, clock = { setTimeout: (job, delay) => setTimeout(job, delay) }) {
    this.#tell = tell;
    this.#told = lastRead;
    this.#clock = clock;
  }

  get lastRead() {
    return Math.max(this.#told, this.#wanted);
  }

  read(id) {
    if (id <= this.lastRead) return;
    this.#wanted = id;
    if (!this.#isBusy) this.#go();
  }

  async #go() {
    this.#isBusy = true;
    const id = this.#wanted;
    try {
      await this.#tell(id);
      this.#told = id;
    } catch {
      this.#wanted = this.#told; // the next message, or coming back, tries again
    }
    this.#clock.setTimeout(() => {
      this.#isBusy = false;
      if (this.#wanted > this.#told) this.#go();
    }, PAUSE);
  }
}
