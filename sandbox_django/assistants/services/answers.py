"""Creates answers in the database and claims them for a worker, before their text is written.

An answer is a row with a lease. Text is only appended to it, only the process that claimed the row writes it, and
exactly one conditional update ends it (docs/decisions/0001-answers-are-jobs.md).
"""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from assistants.llm.base import Turn
from assistants.models import AssistantMessage
from assistants.models.assistant_message import MessageType, Status
from assistants.services.history import HistoryMessage, load_history, turns_for
from assistants.services.quotas import QuotaHolder, reserve, sent_tokens
from core.raw_rows import insert

# Unique for each start of a process, so that a restarted worker doesn't treat its predecessor's rows as its own.
WORKER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True)
class StartedAnswer:
    """A stored answer that no process writes yet, with the history for the model."""

    row: AssistantMessage
    history: list[HistoryMessage]


@dataclass(frozen=True, slots=True)
class ActiveAnswer:
    """An answer that this process writes."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int
    model: str
    turns: list[Turn]
    wants_title: bool
    asked_at: datetime
    is_stopped: bool = False  # True if a user stopped it before it was claimed


def start_answer(
    question: AssistantMessage, *, after_seq: int, quota_holder: QuotaHolder | None = None
) -> StartedAnswer:
    """Stores a new answer to a question. If `quota_holder` is None, no quota limits it.

    This process writes the answer or, if there is a queue, the first worker that claims it.
    """
    history = load_history(question.conversation_id, question.pk)
    reserved = reserve(quota_holder, sent_tokens(turns_for(history))) if quota_holder else 0
    is_queued = settings.ASSISTANT_RUNNER == "taskiq"
    row = insert(
        AssistantMessage(
            conversation_id=question.conversation_id,
            message_type=MessageType.ASSISTANT,
            question=question,
            status=Status.STREAMING,
            after_seq=after_seq,
            worker="" if is_queued else WORKER,
            # A queued answer may have to wait for earlier answers. An answer of this process starts immediately.
            lease_expires_at=timezone.now() + timedelta(seconds=settings.ASSISTANT_WAIT_SECONDS)
            if is_queued
            else lease_from_now(),
            quota_key=quota_holder.key if quota_holder else "",
            address_key=quota_holder.address_key if quota_holder else "",
            reserved_tokens=reserved,
        )
    )
    return StartedAnswer(row, history)


def claim_answer(question_id: int, *, claimant: str = WORKER) -> ActiveAnswer | None:
    """Claims the question's waiting answer; returns None if another process has claimed it or it has ended.

    The same claimant may claim the answer again, because after a database error it can't know whether its claim was
    stored.
    """
    answer = AssistantMessage.objects.claim(question_id, claimant, lease_expires_at=lease_from_now())
    return active_answer(answer, load_history(answer.conversation_id, question_id)) if answer else None


def active_answer(answer: AssistantMessage, history: Sequence[HistoryMessage]) -> ActiveAnswer:
    """Returns the input that the writer of an answer needs. Reads nothing from the database."""
    question_id = answer.question_id
    assert question_id is not None
    return ActiveAnswer(
        answer_id=answer.pk,
        question_id=question_id,
        conversation_id=answer.conversation_id,
        after_seq=answer.after_seq,
        model=history[0].model,
        turns=turns_for(history),
        wants_title=not history[0].title,
        asked_at=answer.created_at,
        is_stopped=answer.stop_requested,
    )


def lease_from_now() -> datetime:
    return timezone.now() + timedelta(seconds=settings.ASSISTANT_LEASE_SECONDS)
