"""Messages for answers that failed or are incomplete. The codes are stored, so they must not change; the texts may."""

from assistants.llm.errors import ModelProblem

INTERRUPTED = "interrupted"  # the answer's worker died, or the server stopped, before the answer was complete
INTERNAL_ERROR = "internal_error"
CUT_SHORT = "cut_short"  # the answer reached the model's limit or ours

_MESSAGES = {problem.value: problem.message for problem in ModelProblem} | {
    INTERRUPTED: "The answer was interrupted before it was finished. Try again.",
    CUT_SHORT: "The answer reached the length limit. Ask it to continue.",
    INTERNAL_ERROR: "Something went wrong on our side. Try again.",
}


def error_message(code: str) -> str:
    """Returns the message that explains to the user the problem and what to do."""
    return _MESSAGES.get(code, "This answer failed. Try again.")  # an old row may have a code that no longer exists
