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

from assistants.groups import WRITERS, conversation_feed
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
from assistants.services.ai_service import ChatModel, CutShort, ModelUnavailable, Usage
from assistants.services.answer_text import storable, without_unopened_thoughts
from assistants.services.costs import cost_of, sent_tokens
from assistants.services.failures import CUT_SHORT, INTERNAL_ERROR, INTERRUPTED, words_for
from assistants.services.history import HistoryMessage, load_history, turns_for
from assistants.services.reply_buffer import reply_buffer
from assistants.services.spending import ANSWER_RESERVE, Asker, Charge, estimated_tokens, set_aside, settle
from assistants.services.ticker import Writing, current_ticker, lease_from_now
from assistants.texts import sealed_text
from core.dates import aware
from core.logs import reason_of
from core.markdown import render_markdown
from core.metrics import answers_ended
from core.rows import insert
from live import feeds
from live.feeds import FeedWriter
from live.hub import current_hub
from live.layers import LAYER_DOWN, live_layer
from runtime.batching import NOT_NOW, Batched
from runtime.threads import in_database_thread, in_rendering_thread

logger = structlog.get_logger(__name__)

# What each answer does to the database is written by hand here: the ORM doubled what that takes.

# Unique for each start of a process: a worker that comes back doesn't take its earlier self's rows for its own.
WORKER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

MODEL_LENGTH = 100  # characters of a model's name that are stored
END_TRIES = 10  # once a second; after that the lease runs out and the sweep ends the answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended."""

    status: Status
    error: str = ""
    model: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class End:
    """An answer that is over, with all that was said."""

    answer_id: int
    conversation_id: UUID
    text: str
    outcome: Outcome
    cost: int | None = None  # in tokens; None where that is only known from the row


@dataclass(frozen=True, slots=True)
class BegunAnswer:
    """An answer that is stored and not written yet, with the dialogue that the model is sent."""

    row: AssistantMessage
    history: list[HistoryMessage]


def begin_answer(question: AssistantMessage, *, after_seq: int, asker: Asker | None = None) -> BegunAnswer:
    """Store an attempt at answering a question. Without `asker` nothing limits it.

    It is this process's to write, or in a queue the first worker's that claims it.
    """
    history = load_history(question.conversation_id, question.pk)
    reserved = set_aside(asker, sent_tokens(turns_for(history))) if asker else 0
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
            spender=asker.key if asker else "",
            address_key=asker.address_key if asker else "",
            reserved_tokens=reserved,
        )
    )
    return BegunAnswer(row, history)


def claim_answer(question_id: int, *, claimant: str = WORKER) -> Writing | None:
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
    return writing_of(
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


def writing_of(answer: AssistantMessage, history: Sequence[HistoryMessage]) -> Writing:
    """What it takes to write an answer that is ours, from the transaction that made it ours."""
    question_id = answer.question_id
    assert question_id is not None
    return Writing(
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


async def write_answer(writing: Writing, *, on_begun: Callable[[], None]) -> None:
    """Have the model answer, tell everybody meanwhile, and end the row whatever happens.

    `on_begun` is called with the first words of an answer in a conversation that has no title yet.
    """
    try:
        end = await _written(writing, on_begun)
    except Exception:  # whatever it is, the answer ends now, with its text, and not when its lease has expired
        logger.exception("answer_failed", answer=writing.answer_id, code=INTERNAL_ERROR)
        outcome = Outcome(Status.FAILED, INTERNAL_ERROR)
        end = End(writing.answer_id, writing.conversation_id, writing.so_far(), outcome)
    if end is None:
        logger.warning("answer_lost", answer=writing.answer_id)
        return
    await _end(end)


async def _written(writing: Writing, on_begun: Callable[[], None]) -> End | None:
    """Returns the end of the answer; None when another process has ended it."""
    await current_hub().listen(WRITERS, _hear_call)
    model = ai_service.get_chat_model(writing.model)
    ticker = current_ticker()
    ticker.add(writing)  # from here on its lease is renewed, so nothing may go wrong before `finish`
    writing.reading = asyncio.create_task(_read(model, writing, on_begun))
    if writing.is_stopped:
        writing.reading.cancel()
    try:
        await asyncio.wait([writing.reading])
    except asyncio.CancelledError:
        # The server stops, and this answer takes longer than it waits. It is ended all the same.
        writing.reading.cancel()
        await asyncio.wait([writing.reading])
    await ticker.finish(writing)
    if writing.is_lost:
        return None
    text, outcome = writing.so_far(), _outcome(writing, model)
    answer, cost = without_unopened_thoughts(text), _cost(writing, text, outcome)
    return End(writing.answer_id, writing.conversation_id, answer, outcome, cost)


async def _read(model: ChatModel, writing: Writing, on_begun: Callable[[], None]) -> None:
    writing.is_asked = True
    ticker = current_ticker()
    left = settings.ASSISTANT_MAX_ANSWER_LENGTH
    try:
        async with aclosing(model.stream(writing.turns)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    writing.usage = piece.storable()
                    continue
                if isinstance(piece, CutShort):
                    writing.is_cut_short = True
                    continue
                kept = piece[:left]
                left -= len(kept)
                if kept:
                    if writing.wants_title and not writing.text:
                        on_begun()
                    ticker.say(writing, kept)
                if len(kept) < len(piece):
                    writing.is_cut_short = True
                    return
    finally:
        writing.thought_size = model.thought_size


def _outcome(writing: Writing, model: ChatModel) -> Outcome:
    reading = writing.reading
    assert reading is not None
    name, usage = model.name[:MODEL_LENGTH], writing.usage
    if writing.is_failed:
        return Outcome(Status.FAILED, INTERNAL_ERROR, name, usage)
    if reading.cancelled():
        if writing.is_stopped:
            return Outcome(Status.STOPPED, model=name, usage=usage)
        return Outcome(Status.FAILED, INTERRUPTED, name, usage)
    failure = reading.exception()
    if isinstance(failure, ModelUnavailable):
        logger.warning("answer_failed", answer=writing.answer_id, code=failure.code.value, cause=failure.cause)
        return Outcome(Status.FAILED, failure.code.value, name, usage)
    if failure is not None:
        logger.error("answer_failed", answer=writing.answer_id, code=INTERNAL_ERROR, exc_info=failure)
        return Outcome(Status.FAILED, INTERNAL_ERROR, name, usage)
    return Outcome(Status.COMPLETE, CUT_SHORT if writing.is_cut_short else "", name, usage)


async def _end(end: End) -> None:
    is_changed = False
    for _ in range(END_TRIES):
        try:
            if await _ends.do(end):
                answers_ended.labels(end.outcome.status.value, end.outcome.error).inc()
            break
        except NOT_NOW as failure:
            logger.warning("answer_end_delayed", answer=end.answer_id, reason=reason_of(failure))
            await asyncio.sleep(1)
        except Exception as failure:  # logged below, and the answer is ended without the values
            # The database refuses one of the values, and will do so again. Its message may quote the conversation.
            is_bug = not isinstance(failure, DatabaseError)
            logger.error("answer_end_refused", answer=end.answer_id, error=type(failure).__name__, exc_info=is_bug)
            if is_changed:
                break
            is_changed = True
            end = replace(end, text=storable(end.text), outcome=Outcome(Status.FAILED, INTERNAL_ERROR))
    # Otherwise the sweep ends it, with what the buffer has.


async def _store_and_close(ends: Sequence[End]) -> list[bool]:
    pages = await in_rendering_thread(_html_of, ends)
    are_ours = await in_database_thread(_store_ends, ends, pages)
    try:
        await reply_buffer().close([end.answer_id for end in ends])
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
    except Exception:  # the ends are stored, so this must not fail them
        logger.exception("reply_buffer_not_closed", answers=len(ends))
    return are_ours


_ends = Batched(_store_and_close, pause=0.1)


def _html_of(ends: Sequence[End]) -> list[str]:
    return [_html(end.text) for end in ends]


def _store_ends(ends: Sequence[End], pages: Sequence[str]) -> list[bool]:
    """For each: False when somebody else had ended it already, and said so."""
    stored: list[Charge | None] = [None] * len(ends)
    with feeds.write_all([conversation_feed(end.conversation_id) for end in ends]) as locked:
        # Rows in the order of their ids, as a checkpoint changes them, which locks no feed: nobody waits for the other.
        for number in sorted(range(len(ends)), key=lambda number: ends[number].answer_id):
            stored[number] = _store_end(ends[number], pages[number], locked[number])
        settle([charge for charge in stored if charge and charge.reserved_tokens])
    return [charge is not None for charge in stored]


def _store_end(end: End, html: str, feed: FeedWriter) -> Charge | None:
    """Returns the cost of the answer; None when another process had ended it."""
    outcome, usage = end.outcome, end.outcome.usage
    input_tokens, output_tokens = (usage.input_tokens, usage.output_tokens) if usage else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantmessage SET status = %s, error = %s, content = %s, content_html = %s, "
            "model = %s, input_tokens = %s, output_tokens = %s, lease_expires_at = NULL "
            "WHERE id = %s AND status = 'streaming' "
            "RETURNING question_id, worker, spender, address_key, created_at, reserved_tokens",
            [outcome.status, outcome.error, end.text, html, outcome.model, input_tokens, output_tokens, end.answer_id],
        )
        ended = cursor.fetchone()
    if ended is None:
        return None
    question_id, worker, spender, address_key, asked_at, reserved = ended
    feed.publish(_end_message(question_id, end, html), ends_text=(end.answer_id, len(end.text)))
    cost = _cost_by_row(end.text, reserved, worker) if end.cost is None else end.cost
    return Charge(spender, address_key, aware(asked_at), reserved, cost)


def _html(text: str) -> str:
    try:
        return render_markdown(text)
    except Exception:  # whatever a model wrote: it must not keep its answer from ending
        logger.exception("answer_not_rendered", length=len(text))
        return linebreaks(text, autoescape=True)


def _cost(writing: Writing, text: str, outcome: Outcome) -> int:
    if not writing.is_asked:
        return 0
    return cost_of(
        writing.turns, received=text, thought_size=writing.thought_size, usage=outcome.usage, error=outcome.error
    )


def _cost_by_row(text: str, reserved_tokens: int, worker: str) -> int:
    """Returns an estimate for an answer whose writer is gone; nothing if none had begun it."""
    if not worker:
        return 0
    return max(reserved_tokens - ANSWER_RESERVE, 0) + (estimated_tokens(text) if text else 0)


def _end_message(question_id: int, end: End, html: str) -> BaseMessage:
    outcome = end.outcome
    if outcome.status == Status.FAILED:
        return AssistantErrorMessage(
            payload=FailurePayload(
                content=words_for(outcome.error),
                message_id=question_id,
                reply_id=end.answer_id,
                code=outcome.error,
                length=len(end.text),
                content_html=html,
            )
        )
    return CompleteStreamingMessage(
        payload=EndPayload(
            message_id=question_id,
            reply_id=end.answer_id,
            status="stopped" if outcome.status == Status.STOPPED else "complete",
            length=len(end.text),
            content_html=html,
            error=outcome.error,
            error_detail=words_for(outcome.error) if outcome.error else "",
            model=outcome.model,
            usage=UsagePayload(**asdict(outcome.usage)) if outcome.usage else None,
        )
    )


def _hear_call(data: Any) -> None:
    """Somebody, in whatever process, wants an answer to stop."""
    if writing := current_ticker().writing(data["stop"]):
        writing.stop()


async def end_abandoned_answers() -> int:
    """End what dead workers left, with all that was said; returns how many. Only answers whose lease ran out."""
    abandoned = await in_database_thread(
        lambda: list(AssistantMessage.objects.abandoned().only("content", "conversation_id", "stop_requested"))
    )
    ends = []
    for answer in abandoned:
        if current_ticker().writing(answer.pk):
            continue  # it is ours and only late
        # Its writer may be alive and only late. From here on nobody is shown more than what is stored.
        try:
            text = max(answer.content, await sealed_text(answer.pk), key=len)
        except Exception:  # the row has all but the last second, and the other answers have to end, too
            logger.exception("reply_buffer_not_sealed", answer=answer.pk)
            text = answer.content
        # Who asked to stop it gets what they asked for.
        outcome = Outcome(Status.STOPPED) if answer.stop_requested else Outcome(Status.FAILED, INTERRUPTED)
        logger.warning("answer_abandoned", answer=answer.pk, length=len(text))
        ends.append(End(answer.pk, answer.conversation_id, without_unopened_thoughts(text), outcome))
    await asyncio.gather(*[_end(end) for end in ends])
    return len(abandoned)
