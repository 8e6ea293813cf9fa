// The live inbox. The server renders every change, which is cheap since only one user's pages show the inbox.

import { post } from "../../core/js/api.js";
import { showConnectionState } from "../../core/js/connection_state.js";
import { refreshAges } from "../../core/js/dates.js";
import { freshPage, merge } from "../../core/js/fresh_page.js";
import { LiveList } from "../../core/js/live_list.js";
import { showUnread, wireInbox } from "./inbox_count.js";

const page = document.querySelector("[data-inbox-page]");
const rows = page.querySelector("[data-rows]");
const readAll = page.querySelector("[data-read-all]");
const { readUrl } = page.dataset;
const live = wireInbox();
const list = new LiveList(live, {
  fetch: async () => (await freshPage()).querySelector("[data-inbox-page]"),
  show: update,
});

for (const action of ["notification_created", "notifications_read", "notifications_deleted"]) {
  list.on(action, () => list.request({ spread: 0 }));
}
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
// Marks a notification as read when its link is opened, also in another tab. `keepalive`, since the user may leave this
// page.
for (const kind of ["click", "auxclick"]) {
  rows.addEventListener(kind, ({ target }) => {
    const note = target.closest(".note--unread");
    if (note) post(readUrl, { ids: [Number(note.dataset.note)] }, { keepalive: true }).catch(() => {});
  });
}

function update(fresh) {
  merge(rows, fresh.querySelector("[data-rows]"));
  readAll.hidden = fresh.querySelector("[data-read-all]").hidden;
  page.querySelector("[data-empty]").hidden = fresh.querySelector("[data-empty]").hidden;
}
