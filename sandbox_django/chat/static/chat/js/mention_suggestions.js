// Finds the members whom an @ in a text may mean.

import { Namesakes } from "./namesakes.js";

const MAX_SHOWN = 8;

// Returns the position of the @ before the caret and the text between them, or null if there is none. Ignores an @
// inside a word, which belongs to an e-mail address.
export function mentionAt(text, caret) {
  const found = text.slice(0, caret).match(/(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u);
  return found ? { start: caret - found[1].length - 1, query: found[1] } : null;
}

// Returns the members whose name contains `query` at the start of a word. Returns none if the only match has exactly
// this name, so that Enter sends the message.
export function matching(members, query) {
  const prefix = query.toLowerCase();
  const found = members.filter(({ name }) => ` ${name.toLowerCase()}`.includes(` ${prefix}`));
  return found.length === 1 && found[0].name.toLowerCase() === prefix ? [] : found.slice(0, MAX_SHOWN);
}

// Turns the API's members into suggestions. Members with the same name get a `hint` that distinguishes them: the e-mail
// if the user may see it, otherwise the id.
export function distinguish(members) {
  const namesakes = new Namesakes();
  for (const { userId, displayName } of members) namesakes.add(userId, displayName);
  return members.map(({ userId, displayName, user }) => {
    const seen = user === displayName ? `#${userId}` : user;
    return { userId, name: displayName, hint: namesakes.has(userId) ? seen : "" };
  });
}
