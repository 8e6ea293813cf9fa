// The list of conversations. Users can rename and delete conversations in it, and undo a deletion for some seconds.

import { accountOf } from "../../core/js/account.js";
import { patch, remove } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";
import { wireListKeys } from "../../core/js/list_keys.js";
import { showProblem } from "../../core/js/problem.js";
import { UndoableAction } from "../../core/js/undoable.js";
import { renameInTitle } from "../../core/js/window_title.js";

// The storage key of a conversation that was deleted on its own page. The next page can still undo the deletion.
const LEFT = `conversation left to be deleted ${accountOf()}`;
// The storage key of a conversation whose deletion was sent when the page was left. The next page hides it, because the
// server may have rendered that page before it received the deletion.
const GONE = `conversation just deleted ${accountOf()}`;

const list = document.querySelector("[data-conversations]");
const dialog = document.querySelector("[data-dialog]");
const toast = document.querySelector("[data-toast]");
const shown = document.querySelector("[data-conversation]")?.dataset.conversation;
const undoable = new UndoableAction();

let renamed = null; // the list item that the open dialog is for
let pendingId = null; // the conversation whose deletion can still be undone

export function showTitle({ id, title }) {
  const places = [...document.querySelectorAll(`[data-conversation-row="${id}"] [data-row-title]`)];
  if (id === shown) {
    const heading = document.querySelector("[data-title]");
    renameInTitle(heading.textContent, title);
    places.push(heading);
  }
  for (const place of places) place.textContent = title;
}

export function openRenameDialog(id = shown) {
  renamed = itemOf(id);
  const field = dialog.querySelector("input");
  field.value = titleOf(renamed);
  showError("");
  dialog.showModal();
  field.select();
}

export function deleteConversation(id = shown) {
  const item = itemOf(id);
  if (id !== shown) {
    deleteLater({ id, url: item.dataset.conversationUrl, title: titleOf(item) });
    return;
  }
  const left = { id, url: item.dataset.conversationUrl, title: titleOf(item), page: location.pathname };
  sessionStorage.setItem(LEFT, JSON.stringify(left));
  location.assign(list.dataset.home);
}

export function wireConversationList() {
  wireListKeys(list, rows);
  if (!dialog) return; // visitors can't rename or delete
  list.addEventListener("click", ({ target }) => {
    const manage = target.closest("[data-manage]");
    if (manage) openRenameDialog(manage.closest("[data-conversation-row]").dataset.conversationRow);
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", rename);
  dialog.querySelector("[data-delete]").addEventListener("click", () => {
    dialog.close();
    deleteConversation(renamed.dataset.conversationRow);
  });
  toast.querySelector("[data-undo]").addEventListener("click", () => undoable.undo());
  window.addEventListener("pagehide", onPageHide);
  const gone = takeStored(GONE);
  if (gone) show(gone, false);
  const left = takeStored(LEFT);
  if (left && !shown) deleteLater(JSON.parse(left));
}

function onPageHide() {
  if (pendingId) sessionStorage.setItem(GONE, pendingId);
  undoable.settle();
}

function takeStored(name) {
  const note = sessionStorage.getItem(name);
  sessionStorage.removeItem(name);
  return note;
}

async function rename(event) {
  event.preventDefault();
  try {
    showTitle(await patch(renamed.dataset.conversationUrl, { title: event.target.elements.title.value }));
    dialog.close();
  } catch (error) {
    showError(errorMessage(error));
  }
}

function showError(words) {
  showProblem(dialog.querySelector("[data-problem]"), words);
}

// Hides a conversation now, and deletes it when the time to undo has passed or the page is left.
function deleteLater({ id, url, title, page = null }) {
  undoable.start({
    job: () => deleteNow(id, url),
    undo: () => {
      pendingId = null;
      toast.hidden = true;
      if (page) location.assign(page);
      show(id, true);
      itemOf(id)?.querySelector(".row").focus();
    },
  });
  pendingId = id;
  show(id, false);
  showToast(`Deleted “${title}”.`, { canUndo: true });
}

async function deleteNow(id, url) {
  pendingId = null;
  toast.hidden = true;
  try {
    await remove(url, { keepalive: true });
  } catch (error) {
    if (error.status === 404) return; // It was already deleted on another page.
    show(id, true);
    showToast(`Not deleted: ${errorMessage(error)}`);
  }
}

function showToast(words, { canUndo = false } = {}) {
  const undo = toast.querySelector("[data-undo]");
  toast.querySelector("[data-words]").textContent = words;
  undo.hidden = !canUndo;
  toast.hidden = false;
  if (canUndo) undo.focus();
}

function show(id, isShown) {
  const item = itemOf(id);
  if (item) item.hidden = !isShown;
  let day = null;
  for (const row of list.querySelector("[data-rows]").children) {
    if (row.matches("[data-day]")) {
      day = row;
      day.hidden = true;
    } else if (!row.hidden) day.hidden = false;
  }
  list.querySelector("[data-rows]").hidden = rows().length === 0;
  list.querySelector("[data-empty]").hidden = rows().length > 0;
}

function rows() {
  return [...list.querySelectorAll("[data-conversation-row]:not([hidden]) > .row")];
}

function itemOf(id) {
  return list.querySelector(`[data-conversation-row="${id}"]`);
}

function titleOf(item) {
  return item.querySelector("[data-row-title]").textContent;
}
