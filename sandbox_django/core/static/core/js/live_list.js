// The list or log of a live page: fetches it again after missed messages, and loads more items at either end.
//
// A socket replays the events that a page missed. It can't replay events that the server's log no longer has (it then
// sends `resync`), and hints, which have no sequence number and are sent once. In both cases, the page fetches its data
// again.

import { get } from "./api.js";
import { Refetch } from "./refetch.js";
import { StickToBottom } from "./stick_to_bottom.js";

const LATE = 2000; // milliseconds
const MAX_READS = 5;
const REFETCHED = 100; // items per request when the loaded items are fetched again
const LOADED = 50;
const SPARE = 50; // rows above the maximum at which rows are unloaded
const MAX_PAGES = 100;
const ABOVE_ALL_IDS = Number.MAX_SAFE_INTEGER;

export class LiveList {
  #live;
  #read;
  #show;
  #refetch;
  #handledSeq = 0;
  #fetchedSeq = 0;
  #hasConnected = false;

  // `fetch` resolves with the current data of the page, and `show(state)` draws that data. `state.seq`, if present, is
  // the feed's head before the data was read. With `hasHints`, the data also changes by hints, which a socket doesn't
  // replay: the page fetches after a reconnect, or if its first connection was late.
  constructor(live, { fetch, show = () => {}, hasHints = false, failed }, { age = pageAge, ...timing } = {}) {
    this.#live = live;
    this.#read = fetch;
    this.#show = show;
    this.#refetch = new Refetch(() => this.#update(), { failed, ...timing });
    live.addEventListener("resync", () => {
      this.#handledSeq = this.#fetchedSeq = 0; // a feed restored from a backup continues with lower numbers
      this.request();
    });
    live.addEventListener("authentication", ({ detail }) => {
      if (detail.statusCode !== 200) return;
      if (hasHints && (this.#hasConnected || age() > LATE)) this.request();
      this.#hasConnected = true;
      this.#refetch.retryNow();
    });
    live.addEventListener("state", ({ detail }) => detail === "refused" && this.close());
  }

  // Calls `handle` for the messages of an action, except for events that the last fetch already contained.
  on(action, handle) {
    this.#live.addEventListener(action, ({ detail, seq }) => {
      if (seq !== null && seq <= this.#fetchedSeq) return;
      this.#handledSeq = seq ?? this.#handledSeq;
      handle(detail);
    });
  }

  // Fetches at a random time within `spread` milliseconds.
  request({ spread } = {}) {
    this.#refetch.request({ spread });
  }

  close() {
    this.#refetch.close();
  }

  // Fetches and shows the data. Data that is older than an event that was handled already would undo that event, so it
  // is fetched again.
  async #update() {
    for (let reads = 0; reads < MAX_READS; reads += 1) {
      const state = await this.#read();
      if (state?.seq < this.#handledSeq) continue;
      this.#fetchedSeq = state?.seq ?? this.#fetchedSeq;
      this.#show(state);
      return;
    }
    throw new Error("The page is older than what it shows.");
  }
}

// A log of items of which only a consecutive part is loaded, such as the messages of a room or conversation.
export class PagedLog extends LiveList {
  #url;
  #items;
  #draw;
  #moved;
  #failed;
  #elements;
  #maxRows;
  #scroller;
  #edges = null;

  // `items` is the loaded part, with `oldestId`, `newestId`, `hasEarlier` and `hasLater`. Its method
  // `add(items, { isStart })` adds items next to the part, or newer versions of loaded items.
  // `addNewest(items, { isStart })` adds the newest items of the log, which may not be next to the part. `isStart`
  // means that the log has no items before these. If `hasLater` may be true, it needs `showNewest(items)`, which
  // replaces the part. With `maxRows`, it needs `size`, and `dropOldest(count)` and `dropNewest(count)`, which unload
  // items.
  //
  // `draw()` draws the changes. `moved()` is called when the user may have reached or left the end. With
  // `loadsOnScroll`, more items are loaded before a scrolling user reaches an edge.
  constructor(
    live,
    { url, items, draw, moved = () => {}, failed, log, earlier, later = null, toEnd, startsAtEnd = true, loadsOnScroll = false, maxRows = Infinity },
    { Scroller = StickToBottom, IntersectionObserver = globalThis.IntersectionObserver, ...timing } = {},
  ) {
    super(live, { fetch: () => this.#fetchLoaded(), show: (state) => this.#showLoaded(state), failed }, timing);
    this.#url = url;
    this.#items = items;
    this.#draw = draw;
    this.#moved = moved;
    this.#failed = failed;
    this.#elements = { log, earlier, later, toEnd };
    this.#maxRows = maxRows;
    this.#scroller = new Scroller(log, { startsAtEnd, hasEnd: () => !items.hasLater, onAwayChange: () => this.#showPlace() });
    for (const edge of [earlier, later]) edge?.addEventListener("click", () => this.load(edge));
    toEnd.addEventListener("click", () => this.jumpToLatest());
    if (!loadsOnScroll) return;
    const near = (entries) => entries.forEach(({ isIntersecting, target }) => isIntersecting && this.load(target));
    this.#edges = new IntersectionObserver(near, { root: log, rootMargin: "600px 0px" });
    for (const edge of [earlier, later]) this.#edges.observe(edge);
  }

  // Returns whether the user sees the newest items, so that the log follows new items.
  get isAtEnd() {
    return this.#scroller.isAtEnd;
  }

  // Draws the changes of `items`, including those by `change()`. The visible rows keep their place on the screen.
  draw(change = () => {}) {
    this.#scroller.keepPlace(() => {
      change();
      this.#unloadFarRows();
      this.#draw();
      this.#elements.earlier.hidden = !this.#items.hasEarlier;
      if (this.#elements.later) this.#elements.later.hidden = !this.#items.hasLater;
    });
    this.#showPlace();
  }

  // Called after the page's script has scrolled the log.
  scrolled() {
    this.#scroller.update();
    this.#showPlace();
  }

  toEnd() {
    this.#scroller.toEnd();
    this.scrolled();
  }

  async jumpToLatest() {
    if (this.#items.hasLater) {
      try {
        const { items } = await this.#fetchNewest(LOADED);
        this.draw(() => this.#items.showNewest(items));
      } catch (error) {
        this.#failed(error);
        return;
      }
    }
    this.toEnd();
  }

  // Loads the next items before or after the loaded part; `edge` is the button `earlier` or `later`.
  async load(edge) {
    if (edge.disabled || edge.hidden) return;
    edge.disabled = true;
    const isEarlier = edge === this.#elements.earlier;
    const from = isEarlier ? `before=${this.#items.oldestId}` : `after=${this.#items.newestId}`;
    try {
      const { results, next } = await get(`${this.#url}?limit=${LOADED}&${from}`);
      this.draw(() => this.#items.add(results, { isStart: isEarlier && next === null }));
      // The edge may still be near the visible area. The observer reports this only if it observes the edge again.
      this.#edges?.unobserve(edge);
      this.#edges?.observe(edge);
    } catch (error) {
      this.#failed(error);
    }
    edge.disabled = false;
  }

  // Fetches the newest items, and the loaded items before them, some of which may have changed.
  async #fetchLoaded() {
    const { oldestId, newestId } = this.#items;
    const newest = await this.#fetchNewest(REFETCHED);
    const loaded = [];
    if (oldestId !== null && oldestId < newest.items[0]?.id) {
      for await (const results of pagesOf(`${this.#url}?limit=${REFETCHED}&after=${oldestId - 1}`)) {
        loaded.push(...results);
        if (results.at(-1)?.id >= newestId) break;
      }
    }
    return { loaded, newest };
  }

  #showLoaded({ loaded, newest }) {
    this.draw(() => {
      this.#items.add(loaded, { isStart: false });
      this.#items.addNewest(newest.items, newest);
    });
  }

  async #fetchNewest(limit) {
    const { results, next } = await get(`${this.#url}?limit=${limit}&before=${ABOVE_ALL_IDS}`);
    return { items: results.sort((one, other) => one.id - other.id), isStart: next === null };
  }

  // Unloads rows at the edge that is further from the visible rows. They are loaded again when the user scrolls there.
  #unloadFarRows() {
    const excess = this.#items.size - this.#maxRows;
    if (!(excess >= SPARE)) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#elements.log;
    if (this.isAtEnd || scrollTop > scrollHeight - scrollTop - clientHeight) this.#items.dropOldest(excess);
    else this.#items.dropNewest(excess);
  }

  #showPlace() {
    this.#elements.toEnd.hidden = this.isAtEnd;
    this.#moved();
  }
}

// Yields the results of a list in the API page by page, up to `maxPages` pages.
export async function* pagesOf(url, maxPages = MAX_PAGES) {
  let next = url;
  for (let page = 0; next && page < maxPages; page += 1) {
    const fetched = await get(next);
    yield fetched.results;
    next = fetched.next && url.split("?")[0] + new URL(fetched.next).search;
  }
}

// Returns the milliseconds since the browser began to fetch the page, which is before the server rendered it.
function pageAge() {
  return Date.now() - performance.timeOrigin;
}
