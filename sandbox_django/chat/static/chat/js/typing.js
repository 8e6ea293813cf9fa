// Who is writing. Nobody may tell when they stop, so it is forgotten by itself.

const FORGET_AFTER = 5000;
const SAY_EVERY = 2500;

const clockOnTheWall = {
  now: () => Date.now(),
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class Typists {
  #me;
  #changed;
  #clock;
  #people = new Map(); // by id: their name, and the timer that forgets them

  // `changed(words)` hears what to say of them, "" for nothing.
  constructor(me, changed, clock = clockOnTheWall) {
    this.#me = me;
    this.#changed = changed;
    this.#clock = clock;
  }

  hear({ userId, user, isTyping }) {
    if (userId === this.#me) return;
    this.#forget(userId);
    if (isTyping) {
      const timer = this.#clock.setTimeout(() => this.stop(userId), FORGET_AFTER);
      this.#people.set(userId, { name: user, timer });
    }
    this.#changed(this.#words());
  }

  stop(userId) {
    if (!this.#people.has(userId)) return;
    this.#forget(userId);
    this.#changed(this.#words());
  }

  #forget(userId) {
    this.#clock.clearTimeout(this.#people.get(userId)?.timer);
    this.#people.delete(userId);
  }

  #words() {
    const names = [...this.#people.values()].map(({ name }) => name);
    if (names.length === 0) return "";
    if (names.length === 1) return `${names[0]} is typing…`;
    if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
    return "Several people are typing…";
  }
}

// Says that I am writing, not at every letter, and that I have stopped.
export class TypingNotice {
  #say;
  #clock;
  #saidAt = null;

  // `say(isTyping)`.
  constructor(say, clock = clockOnTheWall) {
    this.#say = say;
    this.#clock = clock;
  }

  write(text) {
    if (!text.trim()) {
      this.stop();
      return;
    }
    const now = this.#clock.now();
    if (this.#saidAt !== null && now - this.#saidAt < SAY_EVERY) return;
    this.#saidAt = now;
    this.#say(true);
  }

  stop() {
    if (this.#saidAt === null) return;
    this.#saidAt = null;
    this.#say(false);
  }
}
