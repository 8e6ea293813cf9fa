// The conversations: walked through by keys, renamed and deleted where they stand, and brought back for some seconds.

import { accountOf } from "../../core/js/account.js";
import { patch, remove } from "../../core/js/api.js";
import { UndoableAction } from "../../core/js/undoable.js";
import { errorMessage } from "../../core/js/error_message.js";

// A conversation that is deleted from its own page: the next page says so, and can still bring it back.
const LEFT = `conversation left to be deleted ${accountOf()}`;
// One whose deletion went out as its page was left: the next page may have been drawn before it arrived.
const GONE = `conversation just deleted ${accountOf()}`;

const list = document.querySelector("[data-conversations]");
const dialog = document.querySelector("[data-dialog]");
const toast = document.querySelector("[data-toast]");
const shown = document.querySelector("[data-conversation]")?.dataset.conversation;
const undoable = new UndoableAction();

let renamed = null; // the item the dialog is about
let pendingId = null; // what can still be brought back

export function showTitle({ id, title }) {
  const places = [...document.querySelectorAll(`[data-conversation-row="${id}"] [data-row-title]`)];
  if (id === shown) {
    const heading = document.querySelector("[data-title]");
    document.title = title + document.title.slice(heading.textContent.length);
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
  document.addEventListener("keydown", onShortcut);
  list?.addEventListener("keydown", onArrowKey);
  if (!dialog) return; // A visitor's: nothing can be done with them.
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
  const problem = dialog.querySelector("[data-problem]");
  problem.textContent = words;
  problem.hidden = !words;
}

// Hidden now, deleted when the time to bring it back is over, or when the page is left.
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
    if (error.status === 404) return; // somebody was quicker
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

function onArrowKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = rows().indexOf(event.target);
  const isInSearch = event.target.matches("[data-search]");
  if (!step || (at < 0 && !(isInSearch && step > 0))) return;
  event.preventDefault();
  (rows()[at + step] ?? (step < 0 ? list.querySelector("[data-search]") : event.target)).focus();
}

// "/" to the search, Alt+N to a new conversation; on some keyboards Alt makes another letter of the N.
function onShortcut(event) {
  const { key, code, altKey, ctrlKey, metaKey, target } = event;
  if (altKey && code === "KeyN" && !ctrlKey && !metaKey) {
    event.preventDefault();
    document.querySelector("[data-new]")?.click();
  } else if (key === "/" && !ctrlKey && !metaKey && !target.closest("input, textarea, select, dialog")) {
    const search = list?.querySelector("[data-search]");
    if (!search?.checkVisibility()) return;
    event.preventDefault();
    search.select();
    search.focus();
  }
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
