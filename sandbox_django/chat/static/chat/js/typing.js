// Shows the members who are typing. Each expires, since a page may close without reporting that its user has stopped.

const EXPIRE_AFTER = 5000;
const SEND_EVERY = 2500;

export class Typists {
  #me;
  #changed;
  #clock;
  #users = new Map(); // maps a user's id to the name, and to the timer that removes the user

  // `changed(words)` is called with the text to show, or "" if no member is typing.
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

// Reports that the user is typing, but not for every letter, and that the user has stopped.
export class TypingNotice {
  #send;
  #clock;
  #sentAt = null;

  // `send(isTyping)` sends the frame.
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
