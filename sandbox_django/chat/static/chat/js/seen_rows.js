// The messages on the screen. Those that are there while the window is in use count as read.

const STEPS = Array.from({ length: 21 }, (_, step) => step / 20);
const MOST = 0.6; // of a message
const HALF = 0.5; // of the log, by a message that is longer than that

export class SeenRows {
  #observer;
  #visible = new Set();
  #changed;

  // `changed()` is called when other rows are on the screen than before.
  constructor(log, changed, { IntersectionObserver = globalThis.IntersectionObserver } = {}) {
    this.#changed = changed;
    this.#observer = new IntersectionObserver((entries) => this.#update(entries), { root: log, threshold: STEPS });
  }

  add(element) {
    this.#observer.observe(element);
  }

  remove(element) {
    this.#observer.unobserve(element);
    this.#visible.delete(element);
  }

  // The elements on the screen, in no order.
  get visible() {
    return [...this.#visible];
  }

  #update(entries) {
    for (const entry of entries) {
      if (isOnScreen(entry)) this.#visible.add(entry.target);
      else this.#visible.delete(entry.target);
    }
    this.#changed();
  }
}

export function isOnScreen({ isIntersecting, intersectionRatio, intersectionRect, rootBounds }) {
  if (!isIntersecting) return false;
  return intersectionRatio >= MOST || (rootBounds !== null && intersectionRect.height >= rootBounds.height * HALF);
}
