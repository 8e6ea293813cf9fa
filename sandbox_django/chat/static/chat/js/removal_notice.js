// Keeps the reason why a user had to leave a room's page, and shows it on the next page.

import { accountOf } from "../../core/js/account.js";
import { onSocketRefused } from "../../core/js/socket_refusal.js";

const NOTE = `chat removal notice ${accountOf()}`;
const NOT_FOUND = 4404;

// When the server refuses the room's socket, calls `leaving()` and opens `home`, or `login` if the user is signed out.
export function leaveWhenRefused(live, { home, login, leaving = () => {} }) {
  let notice = null;
  live.addEventListener("user_removed_from_group", ({ detail }) => (notice = detail.message));
  live.addEventListener("state", ({ detail }) => detail === "refused" && leaving());
  onSocketRefused(live, {
    login,
    refused(code) {
      sessionStorage.setItem(NOTE, notice ?? messageOf(code));
      location.replace(home);
    },
  });
}

export function showRemovalNotice() {
  const place = document.querySelector("[data-removal-notice]");
  const words = sessionStorage.getItem(NOTE);
  if (!place || !words) return;
  sessionStorage.removeItem(NOTE);
  place.querySelector("p").textContent = words;
  place.hidden = false;
}

function messageOf(code) {
  return code === NOT_FOUND ? "This room no longer exists, or you're no longer a member." : "You're no longer a member of this room.";
}
