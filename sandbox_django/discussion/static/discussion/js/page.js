// A page of the forum on which only the inbox is live.

import { refreshAges } from "../../core/js/dates.js";
import { wireInbox } from "./inbox_count.js";
import { wirePreviews } from "./preview.js";

wireInbox();
refreshAges();
wirePreviews(document);
