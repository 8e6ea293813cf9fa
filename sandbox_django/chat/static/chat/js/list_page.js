// A page beside the list of rooms. Only that list is live.

import { listTime } from "../../core/js/dates.js";
import { focusWhenNamed } from "../../core/js/fragment_focus.js";
import { showRemovalNotice } from "./removal_notice.js";
import { RoomList } from "./room_list.js";

new RoomList();
showRemovalNotice();
focusWhenNamed("new", () => document.querySelector(".new-room input[name=title]")?.focus());
// The server renders the times of found messages in its own time zone; this shows them in the user's.
for (const time of document.querySelectorAll(".found time")) time.textContent = listTime(new Date(time.dateTime));
