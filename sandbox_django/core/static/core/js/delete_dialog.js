// Asks the user before something is deleted, and shows why the server refused.

import { remove } from "./api.js";
import { errorMessage } from "./error_message.js";
import { showProblem } from "./problem.js";

const dialog = document.querySelector("[data-delete-dialog]");

// Without `question` and `consequence`, the dialog keeps its texts. `deleted()` is called when the server has deleted
// the object at `url`. `closed()` is always called when the dialog is closed.
export function askToDelete({ question, consequence, url, deleted, closed = () => {} }) {
  const problem = dialog.querySelector("[data-problem]");
  if (question) dialog.querySelector("[data-question]").textContent = question;
  if (consequence) dialog.querySelector("[data-consequence]").textContent = consequence;
  showProblem(problem, "");
  dialog.onclose = closed;
  dialog.showModal();
  dialog.querySelector("form").onsubmit = async (event) => {
    if (event.submitter.value !== "yes") return;
    event.preventDefault();
    try {
      await remove(url);
      dialog.close();
      deleted();
    } catch (error) {
      showProblem(problem, errorMessage(error));
    }
  };
}
