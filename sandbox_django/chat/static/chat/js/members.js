// The members of a room: drawn by the server, and drawn again when somebody comes, goes or may do something else.

import { accountHeader } from "../../core/js/account.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { Refetch } from "../../core/js/refetch.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { leaveWithNotice, closeMessage } from "./removal_notice.js";
import { retitle, wireRoomList } from "./room_list.js";

const NEWS_SPREAD = 300; // milliseconds

const page = document.querySelector("[data-members-page]");
const { room, since, socketUrl, home, login } = page.dataset;
const live = new LiveSocket(socketUrl, { since: Number(since) });
let presentIds = new Set();
let removalNotice = null;
let isStale = false;
const list = new Refetch(redraw);

for (const news of ["member_added", "member_updated", "member_removed", "resync"]) live.addEventListener(news, () => list.request({ spread: NEWS_SPREAD }));
live.addEventListener("group_updated", ({ detail }) => retitle(detail.id, detail.title));
live.addEventListener("presence", ({ detail }) => {
  presentIds = new Set(detail.userIds.map(String));
  showPresence();
});
live.addEventListener("user_removed_from_group", ({ detail }) => (removalNotice = detail.message));
live.addEventListener("state", ({ detail, code }) => {
  if (detail === "live") list.retryNow();
  if (detail !== "refused") return;
  list.close();
  if (code === 4401) location.assign(`${login}?next=${location.pathname}`);
  else leaveWithNotice(removalNotice ?? closeMessage(code), home);
});
showConnectionState(live, document.querySelector("[data-state]"), document.querySelector("[data-announcements]"));
live.open();
wireRoomList();

page.addEventListener("focusout", () => isStale && list.request({ spread: 0 }));
document.addEventListener("click", ({ target }) => {
  for (const menu of page.querySelectorAll("[data-menu][open]")) if (!menu.contains(target)) menu.open = false;
});
page.addEventListener("keydown", (event) => {
  const menu = event.target.closest("[data-menu]");
  if (event.key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Not under somebody's fingers: an open menu waits.
async function redraw() {
  const shown = page.querySelector("[data-members]");
  isStale = shown.querySelector("[data-menu][open]") !== null;
  if (isStale) return;
  const response = await fetch(location.pathname, { headers: accountHeader() });
  if (!response.ok) throw new Error(`${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-members]");
  shown.replaceWith(document.adoptNode(fresh));
  showPresence();
}

function showPresence() {
  for (const member of page.querySelectorAll("[data-member]")) {
    member.querySelector("[data-here]").hidden = !presentIds.has(member.dataset.member);
  }
}
