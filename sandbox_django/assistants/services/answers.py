"""Worker side: claim an answer, write it, end it.

An answer is a row with a lease. Its text only grows, nobody continues a row that another process began, and exactly one
conditional update ends it (docs/decisions/0001-answers-are-jobs.md).
"""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from chanx.messages.base import BaseMessage
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from assistants.groups import WRITERS, conversation_feed
from assistants.messages.assistant import (
    AssistantErrorMessage,
    CompleteStreamingMessage,
    EndPayload,
    FailurePayload,
    UsagePayload,
)
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.message import MessageType, Status
from assistants.services import ai_service
from assistants.services.ai_service import ChatModel, ModelUnavailable, Turn, Usage
from assistants.services.failures import INTERNAL_ERROR, INTERRUPTED, words_for
from assistants.services.reply_buffer import reply_buffer
from assistants.services.spending import ANSWER_RESERVE, Asker, estimated_tokens, set_aside, settle
from assistants.services.ticker import Writing, current_ticker, lease_from_now
from assistants.texts import buffered_text
from core.live import feeds
from core.live.hub import current_hub
from core.live.layers import LAYER_DOWN
from core.markdown import render_markdown
from core.metrics import answers_ended
from core.threads import in_database_thread

logger = structlog.get_logger(__name__)

# Unique for each start of a process: a worker that comes back doesn't take its earlier self's rows for its own.
WORKER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

HISTORY_LIMIT = 200  # messages looked at, whatever the budget
END_TRIES = 10  # once a second; after that the lease runs out and the sweep ends the answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended."""

    status: Status
    error: str = ""
    model: str = ""
    usage: Usage | None = None


def begin_answer(question: AssistantMessage, *, after_seq: int, asker: Asker | None = None) -> AssistantMessage:
    """Store an attempt at answering a question, for some worker to claim soon. Without `asker` nothing limits it."""
    return AssistantMessage.objects.create(
        conversation_id=question.conversation_id,
        message_type=MessageType.ASSISTANT,
        question=question,
        status=Status.STREAMING,
        after_seq=after_seq,
        lease_expires_at=timezone.now() + timedelta(seconds=_seconds_to_begin()),
        spender=asker.key if asker else "",
        reserved_tokens=set_aside(asker, question.content) if asker else 0,
    )


def _seconds_to_begin() -> float:
    # In a queue it may have to wait until others are done; in this process it begins at once.
    is_queued = settings.ASSISTANT_RUNNER == "taskiq"
    return settings.ASSISTANT_WAIT_SECONDS if is_queued else settings.ASSISTANT_LEASE_SECONDS


def claim_answer(question_id: int) -> Writing | None:
    """Take the question's waiting answer; None when somebody else has, or nobody waits for it any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assistants_assistantmessage SET worker = %s, lease_expires_at = %s "
            "WHERE question_id = %s AND status = 'streaming' AND worker = '' "
            "RETURNING id, after_seq, stop_requested",
            [WORKER, connection.ops.adapt_datetimefield_value(lease_from_now()), question_id],
        )
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    asked = AssistantMessage.objects.filter(pk=claimed[0]).values_list(
        "question__content", "conversation_id", "conversation__model", "conversation__title", "created_at"
    )
    content, conversation_id, model, title, asked_at = asked.get()
    return Writing(
        answer_id=claimed[0],
        question_id=question_id,
        conversation_id=conversation_id,
        after_seq=claimed[1],
        model=model,
        turns=turns_for(content, conversation_id, question_id),
        wants_title=not title,
        asked_at=asked_at,
        is_stopped=bool(claimed[2]),
    )


def turns_for(content: str, conversation_id: UUID, question_id: int) -> list[Turn]:
    """What the model is told: the system prompt, and as much of the conversation's end as the budget allows."""
    turns = [Turn("user", content)]
    budget = settings.ASSISTANT_HISTORY_TOKENS - estimated_tokens(content)
    answered: set[int] = set()
    earlier = AssistantMessage.objects.filter(conversation_id=conversation_id, pk__lt=question_id).order_by("-pk")
    for text, answers_question in earlier.values_list("content", "question_id")[:HISTORY_LIMIT]:
        if answers_question is not None:
            # Of several attempts the model is told the last one that said something.
            if not text or answers_question in answered:
                continue
            answered.add(answers_question)
        budget -= estimated_tokens(text)
        if budget < 0:
            break
        turns.append(Turn("user" if answers_question is None else "assistant", text))
    turns.append(Turn("system", settings.ASSISTANT_SYSTEM_PROMPT))
    return turns[::-1]


async def write_answer(writing: Writing, *, on_begun: Callable[[], None]) -> None:
    """Have the model answer, tell everybody meanwhile, and end the row whatever happens.

    `on_begun` is called with the first words of an answer in a conversation that has no title yet.
    """
    await current_hub().listen(WRITERS, _hear_call)
    ticker = current_ticker()
    ticker.add(writing)
    model = ai_service.get_chat_model(writing.model)
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
        logger.warning("answer_lost", answer=writing.answer_id)
        return
    await _end(writing.answer_id, writing.conversation_id, writing.so_far(), _outcome(writing, model))


async def _read(model: ChatModel, writing: Writing, on_begun: Callable[[], None]) -> Usage | None:
    usage = None
    ticker = current_ticker()
    async with aclosing(model.stream(writing.turns)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Usage):
                usage = piece
                continue
            if writing.wants_title and not writing.text:
                on_begun()
            ticker.say(writing, piece)
    return usage


def _outcome(writing: Writing, model: ChatModel) -> Outcome:
    reading = writing.reading
    assert reading is not None
    if reading.cancelled():
        if writing.is_stopped:
            return Outcome(Status.STOPPED, model=model.name)
        return Outcome(Status.FAILED, INTERRUPTED, model.name)
    failure = reading.exception()
    if isinstance(failure, ModelUnavailable):
        logger.warning("answer_failed", answer=writing.answer_id, code=failure.code.value, cause=failure.cause)
        return Outcome(Status.FAILED, failure.code.value, model.name)
    if failure is not None:
        logger.error("answer_failed", answer=writing.answer_id, code=INTERNAL_ERROR, exc_info=failure)
        return Outcome(Status.FAILED, INTERNAL_ERROR, model.name)
    return Outcome(Status.COMPLETE, model=model.name, usage=reading.result())


async def _end(answer_id: int, conversation_id: UUID, text: str, outcome: Outcome) -> None:
    for _ in range(END_TRIES):
        try:
            if await in_database_thread(_store_end, answer_id, conversation_id, text, outcome):
                answers_ended.labels(outcome.status.value, outcome.error).inc()
            break
        except DatabaseError as failure:
            logger.warning("answer_end_delayed", answer=answer_id, error=type(failure).__name__)
            await asyncio.sleep(1)
    try:
        await reply_buffer().close(answer_id)
    except LAYER_DOWN as failure:
        logger.warning("live_layer_down", error=type(failure).__name__, answer=answer_id)


def _store_end(answer_id: int, conversation_id: UUID, text: str, outcome: Outcome) -> bool:
    """False when somebody else had ended it already, and said so."""
    html = render_markdown(text)
    with feeds.write(conversation_feed(conversation_id)) as feed:
        streaming = AssistantMessage.objects.streaming().filter(pk=answer_id)
        answer = streaming.only("question_id", "spender", "reserved_tokens", "created_at").first()
        won = streaming.update(
            status=outcome.status,
            error=outcome.error,
            content=text,
            content_html=html,
            model=outcome.model,
            input_tokens=outcome.usage.input_tokens if outcome.usage else None,
            output_tokens=outcome.usage.output_tokens if outcome.usage else None,
            lease_expires_at=None,
        )
        if not won or answer is None or answer.question_id is None:
            return False
        AssistantConversation.objects.filter(pk=conversation_id).update(updated_at=timezone.now())
        settle(answer, spent=_cost(answer, text, outcome))
        end = _end_message(answer.question_id, answer_id, text, html, outcome)
        feed.publish(end, ends_text=(answer_id, len(text)))
    return True


def _cost(answer: AssistantMessage, text: str, outcome: Outcome) -> int:
    """The tokens an answer has cost, or about so many where the model doesn't tell."""
    if outcome.usage is not None:
        return outcome.usage.input_tokens + outcome.usage.output_tokens
    if not text:
        return 0
    return answer.reserved_tokens - ANSWER_RESERVE + estimated_tokens(text)


def _end_message(question_id: int, answer_id: int, text: str, html: str, outcome: Outcome) -> BaseMessage:
    if outcome.status == Status.FAILED:
        return AssistantErrorMessage(
            payload=FailurePayload(
                content=words_for(outcome.error),
                message_id=question_id,
                reply_id=answer_id,
                code=outcome.error,
                length=len(text),
            )
        )
    return CompleteStreamingMessage(
        payload=EndPayload(
            message_id=question_id,
            reply_id=answer_id,
            status="stopped" if outcome.status == Status.STOPPED else "complete",
            length=len(text),
            content_html=html,
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
    for answer in abandoned:
        if current_ticker().writing(answer.pk):
            continue  # it is ours and only late
        text = max(answer.content, await buffered_text(answer.pk), key=len)
        # Who asked to stop it gets what they asked for.
        outcome = Outcome(Status.STOPPED) if answer.stop_requested else Outcome(Status.FAILED, INTERRUPTED)
        logger.warning("answer_abandoned", answer=answer.pk, length=len(text))
        await _end(answer.pk, answer.conversation_id, text, outcome)
    return len(abandoned)
