"""The interface of a language model, and the parts of its answer."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

MAX_COUNT = 2**31 - 1  # the largest count that the database stores

# The finish reasons with which servers end an answer that reached its maximum length.
CUT_SHORT = {"length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the dialogue that is sent to a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of an answer, in tokens."""

    input_tokens: int
    output_tokens: int

    def storable(self) -> "Usage":
        """Returns the nearest counts that the database can store."""
        return Usage(*(min(max(count, 0), MAX_COUNT) for count in (self.input_tokens, self.output_tokens)))


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The size of reasoning that a model has sent. Reasoning costs tokens, but isn't part of an answer or title."""

    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The last part of a finished answer: the server's finish reason, and the usage if the server reports it."""

    reason: str = "stop"
    usage: Usage | None = None

    @property
    def is_cut_short(self) -> bool:
        """Returns whether the answer is incomplete because it reached its maximum length."""
        return self.reason.lower() in CUT_SHORT


AnswerPart = str | Reasoning | Finish


class ChatModel(Protocol):
    """The interface of a language model, for any transport or server."""

    @property
    def name(self) -> str: ...

    def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        """Yields the parts of an answer: text (never empty), Reasoning, and a Finish at the end.

        Raises ModelUnavailable if the answer fails. Closing the generator, or cancelling the task that waits for it,
        ends the request to the model immediately.
        """
