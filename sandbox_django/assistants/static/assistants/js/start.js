// The start page. The first question creates a conversation and opens the conversation's page.

import { newKey, post } from "../../core/js/api.js";
import { Composer } from "../../core/js/composer.js";
import { focusWhenNamed } from "../../core/js/fragment_focus.js";
import { wireConversationList } from "./conversation_list.js";

const page = document.querySelector("[data-start]");
const model = page.querySelector("[data-model]");
const { conversationsUrl, pagesUrl } = page.dataset;

// The conversation is created only once, even if the first question has to be sent several times.
let conversation = null;
let key = newKey();

const composer = new Composer(page.querySelector("[data-composer]"), async (content, messageKey) => {
  conversation ??= await post(conversationsUrl, { model: model?.value ?? "" }, { key });
  await post(`${conversationsUrl}${conversation.id}/messages/`, { content }, { key: messageKey });
  location.assign(`${pagesUrl}${conversation.id}/`);
  resetConversation(); // for a user who comes back to this page
});

model?.addEventListener("change", resetConversation);

page.addEventListener("click", ({ target }) => {
  if (target.matches("[data-example]")) composer.suggest(target.textContent);
});

function resetConversation() {
  conversation = null;
  key = newKey();
}

wireConversationList();
focusWhenNamed(page.id, () => composer.focus());
