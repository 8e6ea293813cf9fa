// How much in my inbox is unread, live, wherever the page shows it.

import { LiveSocket } from "../../live/js/live_socket.js";
import { get } from "../../core/js/api.js";
import { Refetch } from "../../core/js/refetch.js";

const place = document.querySelector("[data-inbox]");
let prefix = ""; // of the window's title

// Returns the socket, for whoever shows more of the inbox than its number.
export function wireInbox() {
  const { since, socketUrl } = place.dataset;
  const live = new LiveSocket(socketUrl, { since: Number(since) });
  for (const news of ["notification_created", "notifications_read", "notifications_deleted"]) {
    live.addEventListener(news, ({ detail }) => showUnread(detail.unreadCount));
  }
  const count = new Refetch(async () => showUnread((await get("/api/discussion/inbox/unread/")).unreadCount));
  live.addEventListener("resync", () => count.request());
  live.addEventListener("state", ({ detail }) => {
    if (detail === "live") count.retryNow();
    if (detail === "refused") count.close();
  });
  showUnread(Number(place.querySelector("[data-unread]").textContent));
  return live.open();
}

export function showUnread(count) {
  for (const badge of document.querySelectorAll("[data-unread]")) {
    badge.textContent = count > 99 ? "99+" : count;
    badge.hidden = count === 0;
  }
  place.setAttribute("aria-label", `Inbox, ${count} unread`);
  const title = document.title.slice(prefix.length);
  prefix = count > 0 ? `(${count}) ` : "";
  document.title = prefix + title;
}
