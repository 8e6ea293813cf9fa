// The page on which nothing was asked yet: the first question makes the conversation, and goes there.

import { newKey, post } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { wireConversationList } from "./conversation_list.js";

const page = document.querySelector("[data-start]");
const model = page.querySelector("[data-model]");
const { conversationsUrl, pagesUrl } = page.dataset;

// Made once, however often the first question has to be sent.
let conversation = null;
let key = newKey();

const composer = new Composer(page.querySelector("[data-composer]"), async (content, messageKey) => {
  conversation ??= await post(conversationsUrl, { model: model?.value ?? "" }, { key });
  await post(`${conversationsUrl}${conversation.id}/messages/`, { content }, { key: messageKey });
  location.assign(`${pagesUrl}${conversation.id}/`);
  resetConversation(); // whoever comes back to this page
});

model?.addEventListener("change", resetConversation);

page.addEventListener("click", ({ target }) => {
  if (target.matches("[data-example]")) composer.suggest(target.textContent);
});

function resetConversation() {
  conversation = null;
  key = newKey();
}

// "New" leads here, also from this page itself. A browser does not autofocus when the address names a place.
function focusIfAsked() {
  if (location.hash === `#${page.id}`) composer.focus();
}

wireConversationList();
window.addEventListener("hashchange", focusIfAsked);
// Not sooner: a browser that scrolls to the place named in the address takes the focus away again.
window.addEventListener("load", focusIfAsked);
