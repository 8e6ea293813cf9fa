// Finds users of one room who have the same display name, as chat/namesakes.py does.

// Returns nearly the same as Python's casefold(): "ß" equals "SS".
export function nameKey(name) {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}

export class Namesakes {
  #keys = new Map(); // maps a user's id to the key of the name
  #users = new Map(); // maps the key of a name to the set of its users' ids

  // Adds a user, or changes the user's name. Returns whether any user's name is shared now but wasn't before, or the
  // reverse.
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

  // Returns whether another user has the same name.
  has(userId) {
    return this.#users.get(this.#keys.get(userId))?.size > 1;
  }
}
