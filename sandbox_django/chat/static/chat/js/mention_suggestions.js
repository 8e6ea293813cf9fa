// The members that an @ in a text may mean.

import { Namesakes } from "./namesakes.js";

const MAX_SHOWN = 8;

// Finds the @ before the caret and the text between them; null if there is none. An @ inside a word belongs to an e-mail
// address.
export function mentionAt(text, caret) {
  const found = text.slice(0, caret).match(/(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u);
  return found ? { start: caret - found[1].length - 1, query: found[1] } : null;
}

// Returns the members whose name, or a later word of it, begins with `query`; none once a name is complete, so that Enter
// sends.
export function matching(members, query) {
  const prefix = query.toLowerCase();
  const found = members.filter(({ name }) => ` ${name.toLowerCase()}`.includes(` ${prefix}`));
  return found.length === 1 && found[0].name.toLowerCase() === prefix ? [] : found.slice(0, MAX_SHOWN);
}

// Turns the API's members into suggestions. `hint` distinguishes members with the same name, by their e-mail if the user
// may see it, otherwise by their id.
export function distinguish(members) {
  const namesakes = new Namesakes();
  for (const { userId, displayName } of members) namesakes.add(userId, displayName);
  return members.map(({ userId, displayName, user }) => {
    const seen = user === displayName ? `#${userId}` : user;
    return { userId, name: displayName, hint: namesakes.has(userId) ? seen : "" };
  });
}
