// Asks whether something is to be deleted, and says in words why it was not.

import { remove } from "../../core/js/api.js";
import { errorMessage } from "../../core/js/error_message.js";

const dialog = document.querySelector("[data-delete-dialog]");

export function askToDelete({ question, consequence, url, deleted }) {
  const problem = dialog.querySelector("[data-problem]");
  dialog.querySelector("[data-question]").textContent = question;
  dialog.querySelector("[data-consequence]").textContent = consequence;
  problem.hidden = true;
  dialog.showModal();
  dialog.querySelector("form").onsubmit = async (event) => {
    if (event.submitter.value !== "yes") return;
    event.preventDefault();
    try {
      await remove(url);
      dialog.close();
      deleted();
    } catch (error) {
      problem.textContent = errorMessage(error);
      problem.hidden = false;
    }
  };
}
