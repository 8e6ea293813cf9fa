// The list or log that a live page shows: brings it up to date after a gap, and loads more of it at either end.
//
// A socket replays the numbered events that a page missed. Two things it can't replay: events that the server's log no
// longer has (it sends `resync`), and hints, which are unnumbered and sent once. Then the page fetches what it shows again.

import { get } from "./api.js";
import { Refetch } from "./refetch.js";
import { StickToBottom } from "./stick_to_bottom.js";

const LATE = 2000; // milliseconds
const MAX_READS = 5;
const REFETCHED = 100; // items in a page of a response
const LOADED = 50;
const SPARE = 50; // rows beyond the maximum, before they are unloaded
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

  // `fetch` resolves with the current state of what the page shows, and `show(state)` draws it. `state.seq`, if it has
  // one, is the head of the feed before it was read. `hasHints`: hints change what is shown, so a page whose connection
  // was lost, or whose first one came late, fetches. A page that connects at once sends no request.
  constructor(live, { fetch, show = () => {}, hasHints = false, failed }, { age = pageAge, ...timing } = {}) {
    this.#live = live;
    this.#read = fetch;
    this.#show = show;
    this.#refetch = new Refetch(() => this.#update(), { failed, ...timing });
    live.addEventListener("resync", () => {
      this.#handledSeq = this.#fetchedSeq = 0; // a feed that was restored from a backup goes on with lower numbers
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

  // Handles the events of an action, without those that the last fetch has brought already.
  on(action, handle) {
    this.#live.addEventListener(action, ({ detail, seq }) => {
      if (seq !== null && seq <= this.#fetchedSeq) return;
      this.#handledSeq = seq ?? this.#handledSeq;
      handle(detail);
    });
  }

  // Fetches soon: at a random time within `spread` milliseconds.
  request({ spread } = {}) {
    this.#refetch.request({ spread });
  }

  close() {
    this.#refetch.close();
  }

  // A state that is older than an event which was handled already would undo that event.
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

// A log of items with consecutive places, part of which is loaded: messages of a room or of a conversation.
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

  // `items` is the loaded part: `oldestId`, `newestId`, `hasEarlier`, `hasLater`; `add(items, { isStart })` takes the items
  // next to it, or newer versions of its own; `addNewest(items, { isStart })` takes the end of the log, which may lie
  // further down. `isStart`: the log has none before these. Where `hasLater` may be true, `showNewest(items)` replaces the
  // part; with `maxRows`, `dropOldest(count)` and `dropNewest(count)` unload some of its `size` items.
  //
  // `draw()` draws what has changed. `moved()` is called when the user may have reached or left the end. With
  // `loadsOnScroll`, more is loaded before a user who scrolls reaches an edge.
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

  // Whether the user sees the newest items, and is shown those that come.
  get isAtEnd() {
    return this.#scroller.isAtEnd;
  }

  // Draws what has changed in `items`, also by `change()`. What the user looks at stays where it is.
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

  // The page has scrolled by itself.
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

  // Loads the next items at one side of those that are loaded.
  async load(edge) {
    if (edge.disabled || edge.hidden) return;
    edge.disabled = true;
    const isEarlier = edge === this.#elements.earlier;
    const from = isEarlier ? `before=${this.#items.oldestId}` : `after=${this.#items.newestId}`;
    try {
      const { results, next } = await get(`${this.#url}?limit=${LOADED}&${from}`);
      this.draw(() => this.#items.add(results, { isStart: isEarlier && next === null }));
      // The edge may still be near. Its observer reports that only if it begins again.
      this.#edges?.unobserve(edge);
      this.#edges?.observe(edge);
    } catch (error) {
      this.#failed(error);
    }
    edge.disabled = false;
  }

  // The newest page, and what is loaded above it: some of that may have changed.
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

  // On the side that is further from what is on the screen; they are loaded again when the user scrolls there.
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

// The results of a list in the API, page by page, of at most so many pages.
export async function* pagesOf(url, maxPages = MAX_PAGES) {
  let next = url;
  for (let page = 0; next && page < maxPages; page += 1) {
    const fetched = await get(next);
    yield fetched.results;
    next = fetched.next && url.split("?")[0] + new URL(fetched.next).search;
  }
}

// Milliseconds since the browser began to fetch the page, before the server has rendered it.
function pageAge() {
  return Date.now() - performance.timeOrigin;
}
