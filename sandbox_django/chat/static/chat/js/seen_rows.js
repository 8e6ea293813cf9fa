// Tracks which messages are visible. A message that is visible while the window is in use counts as read.

const STEPS = Array.from({ length: 21 }, (_, step) => step / 20);
const MOST = 0.6; // a message is visible if this part of it is
const HALF = 0.5; // a long message is visible if it fills this part of the log

export class SeenRows {
  #observer;
  #visible = new Set();
  #changed;

  // `changed()` is called when other rows are visible than before.
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

  // The visible elements, in no particular order.
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
