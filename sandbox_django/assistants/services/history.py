"""Selects the part of a conversation that is sent to the model, as a valid dialogue.

Many models refuse two user turns in a row, a dialogue that begins with the assistant, and empty turns. Such a dialogue
would be refused with every further question, too, so `turns_for` never builds one, however earlier answers ended.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from assistants.llm.base import Turn
from assistants.llm.errors import ModelProblem
from assistants.models import AssistantMessage
from assistants.services.quotas import estimated_tokens

HISTORY_LIMIT = 200  # earlier messages that are read at most

# Errors with which the model refused the question itself. As part of the history, the question would be refused again.
REFUSED_QUESTIONS = {
    ModelProblem.CONTENT_FILTERED.value,
    ModelProblem.CONTEXT_TOO_LONG.value,
    ModelProblem.REFUSED.value,
}


class HistoryMessage(NamedTuple):
    """A message of a conversation, with its conversation's model and title."""

    id: int
    content: str
    question_id: int | None  # None for a question
    error: str
    model: str
    title: str


def load_history(conversation_id: UUID, question_id: int) -> list[HistoryMessage]:
    """Returns a question and the messages before it, newest first."""
    rows = AssistantMessage.objects.history(conversation_id, question_id, limit=HISTORY_LIMIT + 1)
    return [HistoryMessage(*row) for row in rows]


def turns_for(history: Sequence[HistoryMessage]) -> list[Turn]:
    """Returns the system prompt, if the settings have one, and the newest turns that fit into the token budget.

    `history` is the question and the messages before it, newest first.
    """
    question, *earlier = history
    newest_first = [Turn("user", question.content)]
    budget = settings.ASSISTANT_HISTORY_TOKENS - estimated_tokens(question.content)
    for turn in _earlier_turns(earlier):
        budget -= estimated_tokens(turn.content)
        if budget < 0:
            break
        newest_first.append(turn)
    system = [Turn("system", settings.ASSISTANT_SYSTEM_PROMPT)] if settings.ASSISTANT_SYSTEM_PROMPT.strip() else []
    return [*system, *_alternating(newest_first[::-1])]


def _earlier_turns(earlier: Sequence[HistoryMessage]) -> Iterator[Turn]:
    """Yields the earlier turns, newest first. Of several answers to one question, only the newest with text is used."""
    answered: set[int] = set()
    newest_error: dict[int, str] = {}
    for message in earlier:
        if message.question_id is None:
            is_refused = message.id not in answered and newest_error.get(message.id) in REFUSED_QUESTIONS
            if message.content.strip() and not is_refused:
                yield Turn("user", message.content)
            continue
        newest_error.setdefault(message.question_id, message.error)
        if message.content.strip() and message.question_id not in answered:
            answered.add(message.question_id)
            yield Turn("assistant", message.content)


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Joins adjacent turns of the same role, such as two questions in a row, and drops leading assistant turns."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = Turn(turn.role, f"{joined[-1].content}\n\n{turn.content}")
        elif joined or turn.role == "user":
            joined.append(turn)
    return joined
