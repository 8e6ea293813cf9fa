// A page beside which the rooms stand, and nothing else is live.

import { listTime } from "../../core/js/dates.js";
import { showRemovalNotice } from "./removal_notice.js";
import { wireRoomList } from "./room_list.js";

const form = document.querySelector(".new-room input[name=title]");

// "New" leads here, also from this page itself. A browser does not autofocus when the address names a place.
function focusIfAsked() {
  if (location.hash === "#new") form?.focus();
}

// The server has drawn what a search found in its own time zone.
function showTimes() {
  for (const time of document.querySelectorAll(".found time")) time.textContent = listTime(new Date(time.dateTime));
}

wireRoomList();
showRemovalNotice();
showTimes();
window.addEventListener("hashchange", focusIfAsked);
window.addEventListener("load", focusIfAsked);
