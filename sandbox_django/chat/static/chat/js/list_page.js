// A page beside the list of rooms, of which only the list is live.

import { listTime } from "../../core/js/dates.js";
import { focusWhenNamed } from "../../core/js/fragment_focus.js";
import { showRemovalNotice } from "./removal_notice.js";
import { RoomList } from "./room_list.js";

new RoomList();
showRemovalNotice();
focusWhenNamed("new", () => document.querySelector(".new-room input[name=title]")?.focus());
// The server has rendered the messages that a search found in its own time zone.
for (const time of document.querySelectorAll(".found time")) time.textContent = listTime(new Date(time.dateTime));
