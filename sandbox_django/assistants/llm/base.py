"""The interface of a language model, and the parts of its answer."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

MAX_COUNT = 2**31 - 1  # the largest count that the database stores

# The finish reasons of servers for an answer that reached a limit of length.
CUT_SHORT = {"length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the dialogue that a model is sent."""

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
    """The size of reasoning that a model has sent. It costs tokens, and is no part of an answer or a title."""

    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The last part of an answer that came to its end: the server's reason, and the cost if the server reports it."""

    reason: str = "stop"
    usage: Usage | None = None

    @property
    def is_cut_short(self) -> bool:
        """The model stopped in the middle of its answer, at a limit of length."""
        return self.reason.lower() in CUT_SHORT


AnswerPart = str | Reasoning | Finish


class ChatModel(Protocol):
    """A model that answers, whatever serves it."""

    @property
    def name(self) -> str: ...

    def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        """Yields an answer's text, never empty, and its Finish at the end; or raises ModelUnavailable.

        Closing the generator, or cancelling the task that waits for it, ends the request to the model immediately.
        """
