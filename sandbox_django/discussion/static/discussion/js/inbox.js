// The inbox, live, drawn by the server each time: only one person's pages look at it.

import { post } from "../../core/js/api.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { refreshAges } from "../../core/js/dates.js";
import { Refetch } from "../../core/js/refetch.js";
import { showUnread, wireInbox } from "./inbox_count.js";
import { freshPage, merge } from "./merge.js";

const page = document.querySelector("[data-inbox-page]");
const rows = page.querySelector("[data-rows]");
const readAll = page.querySelector("[data-read-all]");
const { readUrl } = page.dataset;
const live = wireInbox();
const list = new Refetch(redraw);

for (const news of ["notification_created", "notifications_read", "notifications_deleted", "resync"]) {
  live.addEventListener(news, () => list.request({ spread: 0 }));
}
live.addEventListener("state", ({ detail }) => {
  if (detail === "live") list.retryNow();
  if (detail === "refused") list.close();
});
showConnectionState(live, document.querySelector("[data-state]"), document.querySelector("[data-announcements]"));
refreshAges();

readAll.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    showUnread((await post(readUrl, {})).unreadCount);
    list.request({ spread: 0 });
  } catch {
    readAll.submit();
  }
});
// Also when it is opened in another tab; it arrives although this page is being left.
for (const kind of ["click", "auxclick"]) {
  rows.addEventListener(kind, ({ target }) => {
    const note = target.closest(".note--unread");
    if (note) post(readUrl, { ids: [Number(note.dataset.note)] }, { keepalive: true }).catch(() => {});
  });
}

async function redraw() {
  const fresh = (await freshPage()).querySelector("[data-inbox-page]");
  merge(rows, fresh.querySelector("[data-rows]"));
  readAll.hidden = fresh.querySelector("[data-read-all]").hidden;
  page.querySelector("[data-empty]").hidden = fresh.querySelector("[data-empty]").hidden;
}
