// The members who are typing. A page may close without a notice that they stopped, so each one expires.

const EXPIRE_AFTER = 5000;
const SEND_EVERY = 2500;

export class Typists {
  #me;
  #changed;
  #clock;
  #users = new Map(); // by id: their name, and the timer that removes them

  // `changed(words)` is called with the text to show, "" for none.
  constructor(me, changed, clock) {
    this.#me = me;
    this.#changed = changed;
    this.#clock = clock;
  }

  receive({ userId, user, isTyping }) {
    if (userId === this.#me) return;
    this.#remove(userId);
    if (isTyping) {
      const timer = this.#clock.setTimeout(() => this.stop(userId), EXPIRE_AFTER);
      this.#users.set(userId, { name: user, timer });
    }
    this.#changed(this.#describe());
  }

  stop(userId) {
    if (!this.#users.has(userId)) return;
    this.#remove(userId);
    this.#changed(this.#describe());
  }

  #remove(userId) {
    this.#clock.clearTimeout(this.#users.get(userId)?.timer);
    this.#users.delete(userId);
  }

  #describe() {
    const names = [...this.#users.values()].map(({ name }) => name);
    if (names.length === 0) return "";
    if (names.length === 1) return `${names[0]} is typing…`;
    if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
    return "Several people are typing…";
  }
}

// Sends that the user is typing, not at every letter, and that they have stopped.
export class TypingNotice {
  #send;
  #clock;
  #sentAt = null;

  // `send(isTyping)`.
  constructor(send, clock) {
    this.#send = send;
    this.#clock = clock;
  }

  write(text) {
    if (!text.trim()) {
      this.stop();
      return;
    }
    const now = this.#clock.now();
    if (this.#sentAt !== null && now - this.#sentAt < SEND_EVERY) return;
    this.#sentAt = now;
    this.#send(true);
  }

  stop() {
    if (this.#sentAt === null) return;
    this.#sentAt = null;
    this.#send(false);
  }
}
