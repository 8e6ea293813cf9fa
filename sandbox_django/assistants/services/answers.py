"""Worker side: claim an answer, write it, end it.

An answer is a row with a lease. Its text only grows, nobody continues a row that another process began, and exactly one
conditional update ends it (docs/decisions/0001-answers-are-jobs.md).
"""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from chanx.messages.base import BaseMessage
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.html import linebreaks

from assistants.answer_streams import sealed_text
from assistants.groups import WRITERS, conversation_feed
from assistants.llm.answer_text import storable, without_unopened_thoughts
from assistants.llm.base import ChatModel, Finish, Reasoning, Usage
from assistants.llm.errors import ModelUnavailable
from assistants.messages.assistant import (
    AssistantErrorMessage,
    CompleteStreamingMessage,
    EndPayload,
    FailurePayload,
    UsagePayload,
)
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import MessageType, Status
from assistants.services import ai_service
from assistants.services.answer_flusher import ActiveAnswer, current_flusher, lease_from_now
from assistants.services.costs import cost_of, sent_tokens
from assistants.services.error_messages import CUT_SHORT, INTERNAL_ERROR, INTERRUPTED, error_message
from assistants.services.history import HistoryMessage, load_history, turns_for
from assistants.services.quotas import ANSWER_RESERVE, Charge, QuotaHolder, estimated_tokens, reserve, settle
from assistants.services.reply_buffer import reply_buffer
from core.dates import aware
from core.logs import reason_of
from core.markdown import render_markdown
from core.metrics import answers_ended
from core.raw_rows import insert
from live import feeds
from live.feeds import FeedWriter
from live.hub import current_hub
from live.layers import LAYER_DOWN, live_layer
from runtime.batching import UNAVAILABLE_ERRORS, Batcher
from runtime.threads import in_database_thread, in_rendering_thread

logger = structlog.get_logger(__name__)

# What each answer does to the database is written by hand here: the ORM doubled what that takes.

# Unique for each start of a process: a worker that comes back doesn't take its earlier self's rows for its own.
WORKER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

MODEL_LENGTH = 100  # characters of a model's name that are stored
END_ATTEMPTS = 10  # once a second; after that the lease runs out and the sweep ends the answer


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """How an answer ended."""

    status: Status
    error: str = ""
    model: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """An answer that is over, with all that was said."""

    answer_id: int
    conversation_id: UUID
    text: str
    result: AnswerResult
    cost: int | None = None  # in tokens; None where that is only known from the row


@dataclass(frozen=True, slots=True)
class StartedAnswer:
    """An answer that is stored and not written yet, with the dialogue that the model is sent."""

    row: AssistantMessage
    history: list[HistoryMessage]


def start_answer(
    question: AssistantMessage, *, after_seq: int, quota_holder: QuotaHolder | None = None
) -> StartedAnswer:
    """Store an attempt at answering a question. Without `quota_holder` nothing limits it.

    It is this process's to write, or in a queue the first worker's that claims it.
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
            # In a queue it may have to wait until others are done; in this process it begins at once.
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
    """Take the question's waiting answer; None when somebody else has, or nobody waits for it any more.

    May be repeated by the same claimant, who can't know whether a claim that failed was stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantmessage SET worker = %s, lease_expires_at = %s "
            "WHERE question_id = %s AND status = 'streaming' AND worker IN ('', %s) "
            "RETURNING id, conversation_id, after_seq, stop_requested, created_at",
            [claimant, connection.ops.adapt_datetimefield_value(lease_from_now()), question_id, claimant],
        )
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    answer_id, stored_id, after_seq, is_stopped, asked_at = claimed
    conversation_id = AssistantConversation._meta.pk.to_python(stored_id)
    return active_answer(
        AssistantMessage(
            pk=answer_id,
            question_id=question_id,
            conversation_id=conversation_id,
            after_seq=after_seq,
            stop_requested=bool(is_stopped),
            created_at=aware(asked_at),
        ),
        load_history(conversation_id, question_id),
    )


def active_answer(answer: AssistantMessage, history: Sequence[HistoryMessage]) -> ActiveAnswer:
    """What it takes to write an answer that is ours, from the transaction that made it ours."""
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


async def write_answer(active: ActiveAnswer, *, on_started: Callable[[], None]) -> None:
    """Have the model answer, tell everybody meanwhile, and end the row whatever happens.

    `on_started` is called with the first words of an answer in a conversation that has no title yet.
    """
    try:
        end = await _written(active, on_started)
    except Exception:  # whatever it is, the answer ends now, with its text, and not when its lease has expired
        logger.exception("answer_failed", answer=active.answer_id, code=INTERNAL_ERROR)
        result = AnswerResult(Status.FAILED, INTERNAL_ERROR)
        end = FinishedAnswer(active.answer_id, active.conversation_id, active.text(), result)
    if end is None:
        logger.warning("answer_lost", answer=active.answer_id)
        return
    await _end(end)


async def _written(active: ActiveAnswer, on_started: Callable[[], None]) -> FinishedAnswer | None:
    """Returns the end of the answer; None when another process has ended it."""
    await current_hub().listen(WRITERS, _on_call)
    model = ai_service.get_chat_model(active.model)
    flusher = current_flusher()
    flusher.add(active)  # from here on its lease is renewed, so nothing may go wrong before `finish`
    active.model_task = asyncio.create_task(_read(model, active, on_started))
    if active.is_stopped:
        active.model_task.cancel()
    try:
        await asyncio.wait([active.model_task])
    except asyncio.CancelledError:
        # The server stops, and this answer takes longer than it waits. It is ended all the same.
        active.model_task.cancel()
        await asyncio.wait([active.model_task])
    await flusher.finish(active)
    if active.is_superseded:
        return None
    text, result = active.text(), _result(active, model)
    answer, cost = without_unopened_thoughts(text), _cost(active, text, result)
    return FinishedAnswer(active.answer_id, active.conversation_id, answer, result, cost)


async def _read(model: ChatModel, active: ActiveAnswer, on_started: Callable[[], None]) -> None:
    active.is_requested = True
    flusher = current_flusher()
    left = settings.ASSISTANT_MAX_ANSWER_LENGTH
    try:
        async with aclosing(model.stream(active.turns)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Reasoning):
                    active.reasoning_size += chunk.size
                    continue
                if isinstance(chunk, Finish):
                    active.usage = chunk.usage and chunk.usage.storable()
                    active.is_cut_short = chunk.is_cut_short
                    continue
                kept = chunk[:left]
                left -= len(kept)
                if kept:
                    if active.wants_title and not active.chunks:
                        on_started()
                    flusher.append(active, kept)
                if len(kept) < len(chunk):
                    active.is_cut_short = True
                    return
    except ModelUnavailable as failure:
        active.usage = failure.usage and failure.usage.storable()
        raise


def _result(active: ActiveAnswer, model: ChatModel) -> AnswerResult:
    task = active.model_task
    assert task is not None
    name, usage = model.name[:MODEL_LENGTH], active.usage
    if active.is_failed:
        return AnswerResult(Status.FAILED, INTERNAL_ERROR, name, usage)
    if task.cancelled():
        if active.is_stopped:
            return AnswerResult(Status.STOPPED, model=name, usage=usage)
        return AnswerResult(Status.FAILED, INTERRUPTED, name, usage)
    failure = task.exception()
    if isinstance(failure, ModelUnavailable):
        logger.warning("answer_failed", answer=active.answer_id, code=failure.code.value, cause=failure.cause)
        return AnswerResult(Status.FAILED, failure.code.value, name, usage)
    if failure is not None:
        logger.error("answer_failed", answer=active.answer_id, code=INTERNAL_ERROR, exc_info=failure)
        return AnswerResult(Status.FAILED, INTERNAL_ERROR, name, usage)
    return AnswerResult(Status.COMPLETE, CUT_SHORT if active.is_cut_short else "", name, usage)


async def _end(end: FinishedAnswer) -> None:
    is_changed = False
    for _ in range(END_ATTEMPTS):
        try:
            if await _end_batcher.submit(end):
                answers_ended.labels(end.result.status.value, end.result.error).inc()
            break
        except UNAVAILABLE_ERRORS as failure:
            logger.warning("answer_end_delayed", answer=end.answer_id, reason=reason_of(failure))
            await asyncio.sleep(1)
        except Exception as failure:  # logged below, and the answer is ended without the values
            # The database refuses one of the values, and will do so again. Its message may quote the conversation.
            is_bug = not isinstance(failure, DatabaseError)
            logger.error("answer_end_refused", answer=end.answer_id, error=type(failure).__name__, exc_info=is_bug)
            if is_changed:
                break
            is_changed = True
            end = replace(end, text=storable(end.text), result=AnswerResult(Status.FAILED, INTERNAL_ERROR))
    # Otherwise the sweep ends it, with what the buffer has.


async def _store_and_close(ends: Sequence[FinishedAnswer]) -> list[bool]:
    pages = await in_rendering_thread(_html_of, ends)
    are_ours = await in_database_thread(_store_ends, ends, pages)
    try:
        await reply_buffer().close([end.answer_id for end in ends])
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
    except Exception:  # the ends are stored, so this must not fail them
        logger.exception("reply_buffer_not_closed", answers=len(ends))
    return are_ours


_end_batcher = Batcher(_store_and_close, pause=0.1)


def _html_of(ends: Sequence[FinishedAnswer]) -> list[str]:
    return [_html(end.text) for end in ends]


def _store_ends(ends: Sequence[FinishedAnswer], pages: Sequence[str]) -> list[bool]:
    """For each: False when somebody else had ended it already, and said so."""
    stored: list[Charge | None] = [None] * len(ends)
    with feeds.write_all([conversation_feed(end.conversation_id) for end in ends]) as locked:
        # Rows in the order of their ids, as a checkpoint changes them, which locks no feed: nobody waits for the other.
        for number in sorted(range(len(ends)), key=lambda number: ends[number].answer_id):
            stored[number] = _store_end(ends[number], pages[number], locked[number])
        settle([charge for charge in stored if charge and charge.reserved_tokens])
    return [charge is not None for charge in stored]


def _store_end(end: FinishedAnswer, html: str, feed: FeedWriter) -> Charge | None:
    """Returns the cost of the answer; None when another process had ended it."""
    result, usage = end.result, end.result.usage
    input_tokens, output_tokens = (usage.input_tokens, usage.output_tokens) if usage else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantmessage SET status = %s, error = %s, content = %s, content_html = %s, "
            "model = %s, input_tokens = %s, output_tokens = %s, lease_expires_at = NULL "
            "WHERE id = %s AND status = 'streaming' "
            "RETURNING question_id, worker, spender, address_key, created_at, reserved_tokens",
            [result.status, result.error, end.text, html, result.model, input_tokens, output_tokens, end.answer_id],
        )
        ended = cursor.fetchone()
    if ended is None:
        return None
    question_id, worker, quota_key, address_key, asked_at, reserved = ended
    feed.publish(_end_message(question_id, end, html), ends_text=(end.answer_id, len(end.text)))
    cost = _cost_by_row(end.text, reserved, worker) if end.cost is None else end.cost
    return Charge(quota_key, address_key, aware(asked_at), reserved, cost)


def _html(text: str) -> str:
    try:
        return render_markdown(text)
    except Exception:  # whatever a model wrote: it must not keep its answer from ending
        logger.exception("answer_not_rendered", length=len(text))
        return linebreaks(text, autoescape=True)


def _cost(active: ActiveAnswer, text: str, result: AnswerResult) -> int:
    if not active.is_requested:
        return 0
    return cost_of(
        active.turns, received=text, reasoning_size=active.reasoning_size, usage=result.usage, error=result.error
    )


def _cost_by_row(text: str, reserved_tokens: int, worker: str) -> int:
    """Returns an estimate for an answer whose writer is gone; nothing if none had begun it."""
    if not worker:
        return 0
    return max(reserved_tokens - ANSWER_RESERVE, 0) + (estimated_tokens(text) if text else 0)


def _end_message(question_id: int, end: FinishedAnswer, html: str) -> BaseMessage:
    result = end.result
    if result.status == Status.FAILED:
        return AssistantErrorMessage(
            payload=FailurePayload(
                content=error_message(result.error),
                message_id=question_id,
                reply_id=end.answer_id,
                code=result.error,
                length=len(end.text),
                content_html=html,
            )
        )
    return CompleteStreamingMessage(
        payload=EndPayload(
            message_id=question_id,
            reply_id=end.answer_id,
            status="stopped" if result.status == Status.STOPPED else "complete",
            length=len(end.text),
            content_html=html,
            error=result.error,
            error_detail=error_message(result.error) if result.error else "",
            model=result.model,
            usage=UsagePayload(**asdict(result.usage)) if result.usage else None,
        )
    )


def _on_call(data: Any) -> None:
    """Somebody, in whatever process, wants an answer to stop."""
    if active := current_flusher().get(data["stop"]):
        active.stop()


async def end_abandoned_answers() -> int:
    """End what dead workers left, with all that was said; returns how many. Only answers whose lease ran out."""
    abandoned = await in_database_thread(
        lambda: list(AssistantMessage.objects.abandoned().only("content", "conversation_id", "stop_requested"))
    )
    ends = []
    for answer in abandoned:
        if current_flusher().get(answer.pk):
            continue  # it is ours and only late
        # Its writer may be alive and only late. From here on nobody is shown more than what is stored.
        try:
            text = max(answer.content, await sealed_text(answer.pk), key=len)
        except Exception:  # the row has all but the last second, and the other answers have to end, too
            logger.exception("reply_buffer_not_sealed", answer=answer.pk)
            text = answer.content
        # Who asked to stop it gets what they asked for.
        result = AnswerResult(Status.STOPPED) if answer.stop_requested else AnswerResult(Status.FAILED, INTERRUPTED)
        logger.warning("answer_abandoned", answer=answer.pk, length=len(text))
        ends.append(FinishedAnswer(answer.pk, answer.conversation_id, without_unopened_thoughts(text), result))
    await asyncio.gather(*[_end(end) for end in ends])
    return len(abandoned)
