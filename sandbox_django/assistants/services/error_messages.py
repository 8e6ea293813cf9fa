"""Why an answer failed, or is not whole, for people. The codes are stored and stable; the words may change."""

from assistants.llm.errors import ModelProblem

INTERRUPTED = "interrupted"  # its worker died, or the server stopped before it was finished
INTERNAL_ERROR = "internal_error"
CUT_SHORT = "cut_short"  # complete as far as the model would go

_MESSAGES = {problem.value: problem.message for problem in ModelProblem} | {
    INTERRUPTED: "The answer was interrupted before it was finished. Try again.",
    CUT_SHORT: "The answer reached the length limit. Ask it to continue.",
    INTERNAL_ERROR: "Something went wrong on our side. Try again.",
}


def error_message(code: str) -> str:
    """What happened and what to do, for the person who asked."""
    return _MESSAGES.get(code, "This answer failed. Try again.")  # an old row may have a code that is no more
