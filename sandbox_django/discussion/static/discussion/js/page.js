// A page of the forum on which only the inbox is live.

import { wireInbox } from "./inbox_count.js";
import { keepAges } from "./words.js";
import { wirePreviews } from "./preview.js";

wireInbox();
keepAges();
wirePreviews(document);
