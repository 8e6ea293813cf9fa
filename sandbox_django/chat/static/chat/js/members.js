// The page of a room's members. The server renders the list, and renders it again when members or roles change.

import { showConnectionState } from "../../core/js/connection_state.js";
import { freshPage } from "../../core/js/fresh_page.js";
import { LiveList } from "../../core/js/live_list.js";
import { wireMenus } from "../../core/js/menus.js";
import { LiveSocket } from "../../live/js/live_socket.js";
import { leaveWhenRefused } from "./removal_notice.js";
import { RoomList } from "./room_list.js";

const SPREAD = 300; // milliseconds

const page = document.querySelector("[data-members-page]");
const { since, socketUrl, home, login } = page.dataset;
const live = new LiveSocket(socketUrl, { since: Number(since) });
const rooms = new RoomList();
const list = new LiveList(live, {
  fetch: async () => (await freshPage(location.pathname)).querySelector("[data-members]"),
  show: update,
});

for (const action of ["member_added", "member_updated", "member_removed"]) {
  list.on(action, () => list.request({ spread: SPREAD }));
}
list.on("group_updated", ({ id, title }) => rooms.retitle(id, title));
list.on("presence", ({ userIds }) => {
  page.dataset.presentIds = userIds.join(" ");
  showPresence();
});
leaveWhenRefused(live, { home, login });
showConnectionState(live, document.querySelector("[data-state]"), document.querySelector("[data-announcements]"));
live.open();
wireMenus(page);
page.addEventListener("toggle", () => "isStale" in page.dataset && list.request({ spread: 0 }), { capture: true });

// The list is not replaced while a menu is open. It is fetched again when the menu closes.
function update(fresh) {
  const shown = page.querySelector("[data-members]");
  page.toggleAttribute("data-is-stale", shown.querySelector("[data-menu][open]") !== null);
  if ("isStale" in page.dataset) return;
  shown.replaceWith(document.adoptNode(fresh));
  showPresence();
}

function showPresence() {
  const present = new Set(page.dataset.presentIds?.split(" "));
  for (const member of page.querySelectorAll("[data-member]")) {
    member.querySelector("[data-here]").hidden = !present.has(member.dataset.member);
  }
}
