// The user's messages that the server hasn't stored yet. They are rows of the timeline at once, and are sent in order.
// Messages that failed are sent again when there is a connection.

import { newKey } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";
import { MessageSender } from "./message_sender.js";

const WAITING = "Waiting for connection. We'll send it when you're back online.";

export class OutgoingMessages {
  #timeline;
  #sender;
  #draw;

  // `deliver(content, key)` resolves with the stored message, which `stored(message)` is then called with.
  // `unsentStore` keeps the messages over a reload, and shares them with the user's other tabs.
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
    // Another tab has sent or discarded a message that this tab shows too.
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

  // Sends the messages that the previous page has not sent.
  resume() {
    this.#sender.resume();
  }

  retry(key) {
    this.#timeline.retry(key);
    this.#draw();
    this.#sender.retry(key);
  }

  // Sends the messages again that failed because there was no connection.
  retryAll() {
    for (const { key } of this.#timeline.uncertain) this.retry(key);
  }

  // Discards the message and returns its text.
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
