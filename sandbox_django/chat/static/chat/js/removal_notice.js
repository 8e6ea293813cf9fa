// Why somebody was led away from a room: told on the page that they come to.

import { accountOf } from "../../core/js/account.js";

const NOTE = `chat removal notice ${accountOf()}`;

export function leaveWithNotice(words, home) {
  sessionStorage.setItem(NOTE, words);
  location.replace(home);
}

export function showRemovalNotice() {
  const place = document.querySelector("[data-removal-notice]");
  const words = sessionStorage.getItem(NOTE);
  if (!place || !words) return;
  sessionStorage.removeItem(NOTE);
  place.querySelector("p").textContent = words;
  place.hidden = false;
}

// What a socket that stays closed means.
export function closeMessage(code) {
  return code === 4404 ? "This room no longer exists, or you're no longer a member." : "You're no longer a member of this room.";
}
