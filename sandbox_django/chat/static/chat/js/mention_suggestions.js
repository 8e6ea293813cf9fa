// The members that an @ in a text may mean.

import { Namesakes } from "./namesakes.js";

const MAX_SHOWN = 8;

// The @ before the caret and what follows it, or null. Not inside a word: that would be an e-mail address.
export function mentionAt(text, caret) {
  const found = text.slice(0, caret).match(/(?:^|[^\p{L}\p{N}_])@([^@\n]{0,40})$/u);
  return found ? { start: caret - found[1].length - 1, query: found[1] } : null;
}

// Those whose name, or a later word of it, begins like this. Nobody once a whole name stands there: Enter sends then.
export function matching(members, query) {
  const prefix = query.toLowerCase();
  const found = members.filter(({ name }) => ` ${name.toLowerCase()}`.includes(` ${prefix}`));
  return found.length === 1 && found[0].name.toLowerCase() === prefix ? [] : found.slice(0, MAX_SHOWN);
}

// The members that the API lists, as suggestions. `hint` tells members with the same name apart: the e-mail for those who
// may see it, for the others the id.
export function distinguish(members) {
  const namesakes = new Namesakes();
  for (const { userId, displayName } of members) namesakes.add(userId, displayName);
  return members.map(({ userId, displayName, user }) => {
    const seen = user === displayName ? `#${userId}` : user;
    return { userId, name: displayName, hint: namesakes.has(userId) ? seen : "" };
  });
}
