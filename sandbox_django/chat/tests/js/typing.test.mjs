import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { TypingNotice, Typists } from "../../static/chat/js/typing.js";

class Clock {
  #now = 0;
  #timers = new Map();
  #number = 0;

  now = () => this.#now;

  setTimeout = (job, delay) => {
    this.#number += 1;
    this.#timers.set(this.#number, { job, at: this.#now + delay });
    return this.#number;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  pass(time) {
    this.#now += time;
    for (const [timer, { job, at }] of [...this.#timers]) {
      if (at > this.#now) continue;
      this.#timers.delete(timer);
      job();
    }
  }
}

function aLine() {
  const clock = new Clock();
  const lines = [];
  const typists = new Typists(1, (words) => lines.push(words), clock);
  const receive = (userId, user, isTyping = true) => typists.receive({ userId, user, isTyping });
  return { clock, typists, receive, line: () => lines.at(-1) ?? "" };
}

describe("Who is writing", () => {
  it("is named, but not I", () => {
    const { receive, line } = aLine();

    receive(1, "Alice");
    assert.equal(line(), "");
    receive(2, "Bob");
    assert.equal(line(), "Bob is typing…");
    receive(3, "Carol");
    assert.equal(line(), "Bob and Carol are typing…");
    receive(4, "Dan");
    assert.equal(line(), "Several people are typing…");
  });

  it("is forgotten five seconds after the last sign", () => {
    const { clock, receive, line } = aLine();
    receive(2, "Bob");
    clock.pass(4000);
    receive(2, "Bob");
    clock.pass(4000);
    assert.equal(line(), "Bob is typing…");

    clock.pass(1000);

    assert.equal(line(), "");
  });

  it("is not writing any more when they say so, or their message is there", () => {
    const { typists, receive, line } = aLine();
    receive(2, "Bob");
    receive(3, "Carol");

    receive(2, "Bob", false);
    assert.equal(line(), "Carol is typing…");
    typists.stop(3);

    assert.equal(line(), "");
  });
});

describe("That I am writing", () => {
  it("is said now and then, and that I have stopped, once", () => {
    const clock = new Clock();
    const lines = [];
    const notice = new TypingNotice((isTyping) => lines.push(isTyping), clock);

    notice.write("H");
    notice.write("He");
    clock.pass(2500);
    notice.write("Hey");
    notice.write("");
    notice.write(" ");
    notice.stop();

    assert.deepEqual(lines, [true, true, false]);
  });
});
