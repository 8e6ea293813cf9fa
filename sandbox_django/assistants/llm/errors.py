"""Failures of language models, with the project's own codes."""

from enum import StrEnum

from assistants.llm.base import Usage
from assistants.llm.request_format import Part


class ModelProblem(StrEnum):
    """The reasons for which an answer is missing or incomplete.

    The values are stored and sent to API clients, so they must not change.
    """

    AUTH = "model_auth"
    QUOTA = "model_quota"
    NOT_FOUND = "model_not_found"
    RATE_LIMITED = "model_rate_limited"
    OVERLOADED = "model_overloaded"
    UNREACHABLE = "model_unreachable"
    TIMEOUT = "model_timeout"
    CUT_OFF = "model_cut_off"
    EMPTY = "model_empty"
    BAD_REPLY = "model_bad_reply"
    REFUSED = "model_refused"
    CONTENT_FILTERED = "content_filtered"
    CONTEXT_TOO_LONG = "context_too_long"

    @property
    def message(self) -> str:
        """A text for the user: the problem, and what the user can do."""
        return MESSAGES[self]


MESSAGES = {
    ModelProblem.AUTH: "The assistant isn't set up correctly. Please tell an administrator (model_auth).",
    ModelProblem.QUOTA: "The assistant's usage limit has been reached. Please tell an administrator (model_quota).",
    ModelProblem.NOT_FOUND: "The assistant isn't set up correctly. Please tell an administrator (model_not_found).",
    ModelProblem.RATE_LIMITED: "The model is receiving too many requests. Try again in a minute.",
    ModelProblem.OVERLOADED: "The model is overloaded. Try again in a minute.",
    ModelProblem.UNREACHABLE: "The model can't be reached. Try again in a minute.",
    ModelProblem.TIMEOUT: "The model took too long. Try again.",
    ModelProblem.CUT_OFF: "The connection was lost before the answer finished. Try again.",
    ModelProblem.EMPTY: "The model returned an empty answer. Try again, or rephrase your question.",
    ModelProblem.BAD_REPLY: "The model returned an unreadable reply. Try again. If it happens again, tell an "
    "administrator (model_bad_reply).",
    ModelProblem.REFUSED: "The model rejected this question. Try rephrasing it.",
    ModelProblem.CONTENT_FILTERED: "The model's content filter stopped this answer. Try rephrasing your question.",
    ModelProblem.CONTEXT_TOO_LONG: "This conversation is too long for the model. Start a new one, or ask a shorter "
    "question.",
}

# Problems after which a second request may succeed.
TRANSIENT = {
    ModelProblem.RATE_LIMITED,
    ModelProblem.OVERLOADED,
    ModelProblem.UNREACHABLE,
    ModelProblem.TIMEOUT,
    ModelProblem.CUT_OFF,
}


class ModelUnavailable(Exception):
    """The provider refused, timed out or disconnected. `code` and `message` are the project's own and safe to show.

    `cause` is for the log: the type of the error and its status. It never contains the provider's text, which may quote
    keys, addresses and the conversation. For the same reason, this exception is always raised `from None`.
    """

    def __init__(
        self,
        code: ModelProblem,
        *,
        cause: str = "",
        usage: Usage | None = None,
        rejected: frozenset[Part] = frozenset(),
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.message = code.message
        self.cause = cause
        self.usage = usage  # the cost of a failed answer, if the server reports it
        self.rejected = rejected  # the parts of the request that the server does not accept
        self.has_started = False  # True if a part of the answer had arrived
