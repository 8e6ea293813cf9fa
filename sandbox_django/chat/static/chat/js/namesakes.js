// Users of one room with the same display name, as chat/namesakes.py finds them.

// Close to Python's casefold(): "ß" equals "SS".
export function nameKey(name) {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}

export class Namesakes {
  #keys = new Map(); // by user id
  #users = new Map(); // sets of user ids, by name key

  // Adds a user, or changes their name. Returns whether a user's name has become shared, or is shared no longer.
  add(userId, name) {
    const key = nameKey(name);
    if (this.#keys.get(userId) === key) return false;
    const wasShared = this.remove(userId);
    this.#keys.set(userId, key);
    const users = this.#users.get(key) ?? new Set();
    this.#users.set(key, users.add(userId));
    return wasShared || users.size > 1;
  }

  remove(userId) {
    const wasShared = this.has(userId);
    this.#users.get(this.#keys.get(userId))?.delete(userId);
    this.#keys.delete(userId);
    return wasShared;
  }

  // Whether another user has this one's name.
  has(userId) {
    return this.#users.get(this.#keys.get(userId))?.size > 1;
  }
}
