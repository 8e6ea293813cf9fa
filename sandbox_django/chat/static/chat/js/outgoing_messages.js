// The user's messages that are not stored yet: rows of the timeline from the start, sent in order, and sent again when
// there is a connection.

import { newKey } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";
import { MessageSender } from "./message_sender.js";

const WAITING = "Waiting for connection. We'll send it when you're back online.";

export class OutgoingMessages {
  #timeline;
  #sender;
  #draw;

  // `deliver(content, key)` resolves with the stored message, and `stored(message)` is called with it. `unsentStore` keeps
  // the messages over a reload, for this tab and others.
  constructor(deliver, unsentStore, { timeline, draw, stored }) {
    this.#timeline = timeline;
    this.#draw = draw;
    this.#sender = new MessageSender(
      deliver,
      unsentStore,
      {
        started: ({ key, content, at, problem }) => {
          timeline.addPending(key, content, new Date(at), problem);
          draw();
        },
        arrived: (key, message) => {
          timeline.confirmPending(key, message);
          draw();
          stored(message);
        },
        failed: (key, error) => {
          const isUncertain = error.status === 0 || error.status >= 500;
          const problem = error.status === 0 ? WAITING : errorMessage(error);
          timeline.fail(key, problem, { isUncertain });
          draw();
          return problem;
        },
      },
      { makeKey: newKey },
    );
    // Another tab has sent or discarded a message that both show.
    window.addEventListener("storage", ({ key }) => {
      if (key !== unsentStore.name) return;
      const kept = new Set(unsentStore.all().map((entry) => entry.key));
      for (const { key: shown } of timeline.uncertain) if (!kept.has(shown)) timeline.discard(shown);
      draw();
    });
  }

  send(content) {
    this.#sender.send(content);
  }

  // Sends what the previous page has left.
  resume() {
    this.#sender.resume();
  }

  retry(key) {
    this.#timeline.retry(key);
    this.#draw();
    this.#sender.retry(key);
  }

  // Sends again what failed for lack of a connection.
  retryAll() {
    for (const { key } of this.#timeline.uncertain) this.retry(key);
  }

  // Returns the text of the message that is discarded.
  discard(key) {
    const { content } = this.#timeline.pending(key);
    this.#timeline.discard(key);
    this.#sender.discard(key);
    this.#draw();
    return content;
  }

  close() {
    this.#sender.close();
  }
}
