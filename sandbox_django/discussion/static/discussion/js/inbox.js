// The inbox, live, drawn by the server each time: only one person's pages look at it.

import { post } from "../../core/js/api.js";
import { showState } from "../../core/js/state.js";
import { showUnread, wireInbox } from "./inbox_count.js";
import { freshPage, merge } from "./merge.js";
import { keepAges } from "./words.js";

const page = document.querySelector("[data-inbox-page]");
const rows = page.querySelector("[data-rows]");
const readAll = page.querySelector("[data-read-all]");
const { readUrl } = page.dataset;
const live = wireInbox();
let isDrawing = false;
let isStale = false;

for (const news of ["notification_created", "notifications_read", "notifications_deleted", "resync"]) {
  live.addEventListener(news, redraw);
}
showState(live, document.querySelector("[data-state]"), document.querySelector("[data-announcements]"));
keepAges();

readAll.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    showUnread((await post(readUrl, {})).unreadCount);
    await redraw();
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

// One after the other, so that the last drawing is the one that stays.
async function redraw() {
  if (isDrawing) {
    isStale = true;
    return;
  }
  isDrawing = true;
  isStale = false;
  try {
    const fresh = (await freshPage()).querySelector("[data-inbox-page]");
    merge(rows, fresh.querySelector("[data-rows]"));
    readAll.hidden = fresh.querySelector("[data-read-all]").hidden;
    page.querySelector("[data-empty]").hidden = fresh.querySelector("[data-empty]").hidden;
  } catch {
    // The next news tries again.
  }
  isDrawing = false;
  if (isStale) redraw();
}
