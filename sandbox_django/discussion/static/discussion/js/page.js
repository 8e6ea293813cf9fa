// A page of the forum whose only live part is the inbox's count.

import { refreshAges } from "../../core/js/dates.js";
import { wireInbox } from "./inbox_count.js";
import { wirePreviews } from "./preview.js";

wireInbox();
refreshAges();
wirePreviews(document);
