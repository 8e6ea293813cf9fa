// Keeps the number of unread notifications up to date, wherever a page shows it.

import { get } from "../../core/js/api.js";
import { LiveList } from "../../core/js/live_list.js";
import { badgeOf, showUnreadInTitle } from "../../core/js/window_title.js";
import { LiveSocket } from "../../live/js/live_socket.js";

const place = document.querySelector("[data-inbox]");

// Returns the socket, which the inbox page needs as well.
export function wireInbox() {
  const { since, socketUrl } = place.dataset;
  const live = new LiveSocket(socketUrl, { since: Number(since) });
  const show = ({ unreadCount }) => showUnread(unreadCount);
  const list = new LiveList(live, { fetch: () => get("/api/discussion/inbox/unread/"), show });
  for (const action of ["notification_created", "notifications_read", "notifications_deleted"]) list.on(action, show);
  showUnread(Number(place.querySelector("[data-unread]").textContent));
  return live.open();
}

export function showUnread(count) {
  for (const badge of document.querySelectorAll("[data-unread]")) {
    badge.textContent = badgeOf(count);
    badge.hidden = count === 0;
  }
  place.setAttribute("aria-label", `Inbox, ${count} unread`);
  showUnreadInTitle(count);
}
