// Fetches the members whom a message in this room may mention, when the user types the first @.

import { pagesOf } from "../../core/js/live_list.js";
import { distinguish } from "./mention_suggestions.js";

const MAX_PAGES = 10; // a page has 100 members

export class MentionableMembers {
  #url;
  #me;
  #members = null;

  constructor(url, me) {
    this.#url = url;
    this.#me = me;
  }

  // Resolves with suggestions for `Mentions`. After a failed fetch, the next call fetches again.
  list() {
    this.#members ??= this.#fetchAll();
    return this.#members;
  }

  // Called when the room's members have changed.
  forget() {
    this.#members = null;
  }

  async #fetchAll() {
    const members = [];
    try {
      for await (const results of pagesOf(`${this.#url}?limit=100`, MAX_PAGES)) members.push(...results);
    } catch {
      this.forget();
    }
    return distinguish(members).filter(({ userId }) => userId !== this.#me);
  }
}
