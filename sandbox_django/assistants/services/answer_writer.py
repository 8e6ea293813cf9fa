"""Writes answers: asks the model, streams its text, and always ends the answer's row."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from chanx.messages.base import BaseMessage
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.html import linebreaks

from assistants.answer_streams import answer_stream, stream_of
from assistants.groups import WRITERS
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
from assistants.models import AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services import ai_service
from assistants.services.answers import ActiveAnswer, lease_from_now
from assistants.services.blocks import MAX_ANSWERS, RenderedBlocks, publish_finished_blocks
from assistants.services.error_messages import CUT_SHORT, INTERNAL_ERROR, INTERRUPTED, error_message
from assistants.services.quotas import ANSWER_RESERVE, Charge, cost_of, estimated_tokens, settle
from core.markdown import render_markdown
from core.metrics import answers_ended, answers_running, first_token
from live import feeds
from live.feeds import FeedWriter
from live.hub import current_hub
from live.text_buffer import close_texts
from live.text_stream import TextStream
from runtime import jobs
from runtime.batching import UNAVAILABLE_ERRORS, Batcher
from runtime.failures import reason_of
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread, in_rendering_thread

logger = structlog.get_logger(__name__)

MODEL_LENGTH = 100  # characters; a longer name of a model is cut
END_ATTEMPTS = 10  # one per second; if all fail, the lease expires and `end_abandoned_answers` ends the answer


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """The status with which an answer ended, its error code, its model and its usage."""

    status: Status
    error: str = ""
    model: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """An answer that has ended, with the text to store."""

    stream: TextStream
    asked_at: datetime
    text: str
    result: AnswerResult
    cost: int | None = None  # tokens; None if the writer is gone, so that the cost is estimated from the row

    @property
    def answer_id(self) -> int:
        return self.stream.text_id


async def write_answer(answer: ActiveAnswer, *, on_started: Callable[[], None]) -> None:
    """Asks the model, streams its answer, and always ends the answer's row.

    `on_started` is called when the first words arrive, if the conversation has no title.
    """
    writer = AnswerWriter(answer, on_started)
    try:
        end = await writer.write()
    except Exception:  # without this, the answer would end only when its lease expires
        logger.exception("answer_failed", answer=answer.answer_id, code=INTERNAL_ERROR)
        result = AnswerResult(Status.FAILED, INTERNAL_ERROR)
        end = FinishedAnswer(writer.text, answer.asked_at, writer.text.text(), result)
    if end is None:
        logger.warning("answer_lost", answer=answer.answer_id)
        return
    await _end(end)


class AnswerWriter:
    """Writes the text of one answer."""

    def __init__(self, answer: ActiveAnswer, on_started: Callable[[], None]) -> None:
        self.text = answer_stream(
            answer.answer_id,
            question_id=answer.question_id,
            conversation_id=answer.conversation_id,
            after_seq=answer.after_seq,
            checkpoint=_checkpoint,
        )
        self.blocks = RenderedBlocks(answer.answer_id, answer.question_id, answer.conversation_id, answer.after_seq)
        self._answer = answer
        self._on_started = on_started
        self._is_requested = False  # True once the model was asked
        self._is_complete = False
        self._is_cut_short = False  # True if the answer reached the model's limit or ours
        self._usage: Usage | None = None
        self._reasoning_size = 0  # bytes

    async def write(self) -> FinishedAnswer | None:
        """Writes the answer and returns it; None if another process has ended it."""
        await current_hub().listen(WRITERS, _on_stop)
        model = ai_service.get_chat_model(self._answer.model)
        failure: BaseException | None = None
        writers = _writers.current()
        writers[self._answer.answer_id] = self
        answers_running.set(len(writers))
        try:
            async with self.text:
                try:
                    if not self._answer.is_stopped:
                        await self._ask(model)
                        self._is_complete = True
                finally:
                    self.blocks.is_over = True
        except asyncio.CancelledError:
            pass  # the server is stopping; `_result` returns INTERRUPTED
        except Exception as error:  # noqa: BLE001  # `_result` logs it
            failure = error
        finally:
            del writers[self._answer.answer_id]
            answers_running.set(len(writers))
        if self.text.is_superseded:
            return None
        text, result = self.text.text(), self._result(model.name[:MODEL_LENGTH], failure)
        shown, cost = without_unopened_thoughts(text), self._cost(text, result)
        return FinishedAnswer(self.text, self._answer.asked_at, shown, result, cost)

    async def _ask(self, model: ChatModel) -> None:
        self._is_requested = True
        text, left = self.text, settings.ASSISTANT_MAX_ANSWER_LENGTH
        try:
            async with aclosing(model.stream(self._answer.turns)) as parts:
                async for part in parts:
                    if isinstance(part, Reasoning):
                        self._reasoning_size += part.size
                        continue
                    if isinstance(part, Finish):
                        self._usage = part.usage and part.usage.storable()
                        self._is_cut_short = part.is_cut_short
                        continue
                    kept = part[:left]
                    left -= len(kept)
                    if kept:
                        if not text.chunks:
                            self._on_first_words()
                        text.append(kept)
                    if len(kept) < len(part):
                        self._is_cut_short = True
                        return
        except ModelUnavailable as failure:
            self._usage = failure.usage and failure.usage.storable()
            raise

    def _on_first_words(self) -> None:
        first_token.observe((timezone.now() - self._answer.asked_at).total_seconds())
        if self._answer.wants_title:
            self._on_started()

    def _result(self, model: str, failure: BaseException | None) -> AnswerResult:
        if self.text.is_failed:
            return AnswerResult(Status.FAILED, INTERNAL_ERROR, model, self._usage)
        if isinstance(failure, ModelUnavailable):
            code = failure.code.value
            logger.warning("answer_failed", answer=self._answer.answer_id, code=code, cause=failure.cause)
            return AnswerResult(Status.FAILED, code, model, self._usage)
        if failure is not None:
            logger.error("answer_failed", answer=self._answer.answer_id, code=INTERNAL_ERROR, exc_info=failure)
            return AnswerResult(Status.FAILED, INTERNAL_ERROR, model, self._usage)
        if self._is_complete:
            return AnswerResult(Status.COMPLETE, CUT_SHORT if self._is_cut_short else "", model, self._usage)
        if self.text.is_stopped or self._answer.is_stopped:
            return AnswerResult(Status.STOPPED, model=model, usage=self._usage)
        return AnswerResult(Status.FAILED, INTERRUPTED, model, self._usage)

    def _cost(self, text: str, result: AnswerResult) -> int:
        if not self._is_requested:
            return 0
        return cost_of(
            self._answer.turns,
            received=text,
            reasoning_size=self._reasoning_size,
            usage=result.usage,
            error=result.error,
        )


_writers: PerLoop[dict[int, AnswerWriter]] = PerLoop(dict)


def _on_stop(data: Any) -> None:
    """Stops an answer if this process writes it. Every process with writers receives each request to stop."""
    if writer := _writers.current().get(data["stop"]):
        writer.text.stop()


async def _checkpoint(answers: Sequence[TextStream]) -> Mapping[int, bool]:
    """Stores the texts, renews the leases, and publishes the completed blocks of Markdown."""
    texts = [(answer.text_id, answer.text()) for answer in answers]
    states = await in_database_thread(_store_checkpoint, texts)
    if len(answers) <= MAX_ANSWERS:
        try:
            _show_blocks(texts)
        except Exception:  # the text is stored, and pages get all blocks when the answer ends
            logger.exception("blocks_not_shown", answers=len(answers))
    return states


def _store_checkpoint(texts: list[tuple[int, str]]) -> dict[int, bool]:
    """Returns the ids of the answers that are still running, each with True if a user has stopped the answer."""
    ids = [answer_id for answer_id, _ in texts]
    with transaction.atomic():
        # Rows are locked in the order of their ids, as in `_store_ends`, so that the two can't deadlock.
        AssistantMessage.objects.checkpoint(sorted(texts), lease_expires_at=lease_from_now())
        still_ours = AssistantMessage.objects.streaming().filter(pk__in=ids)
        return dict(still_ours.values_list("pk", "stop_requested"))


def _show_blocks(texts: Sequence[tuple[int, str]]) -> None:
    writers = _writers.current()
    sent = [(writer, text[: writer.text.length]) for pk, text in texts if (writer := writers.get(pk))]
    if growing := [(writer.blocks, text) for writer, text in sent if writer.blocks.may_have_more(text)]:
        # A separate job, so that rendering can't delay the renewal of leases.
        jobs.start(publish_finished_blocks, growing)


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
        except Exception as failure:  # logged below
            # The database rejects one of the values and would reject it again, so the answer is ended as failed. The
            # message of a database error may quote the conversation, so it is not logged.
            is_bug = not isinstance(failure, DatabaseError)
            logger.error("answer_end_refused", answer=end.answer_id, error=type(failure).__name__, exc_info=is_bug)
            if is_changed:
                break
            is_changed = True
            end = replace(end, text=storable(end.text), result=AnswerResult(Status.FAILED, INTERNAL_ERROR))
    # If the end was not stored, `end_abandoned_answers` ends the answer later, with the buffered text.


async def _store_and_close(ends: Sequence[FinishedAnswer]) -> list[bool]:
    pages = await in_rendering_thread(_html_of, ends)
    are_ours = await in_database_thread(_store_ends, ends, pages)
    try:
        await close_texts([end.stream.key for end in ends])
    except Exception:  # the ends are stored already
        logger.exception("reply_buffer_not_closed", answers=len(ends))
    return are_ours


_end_batcher = Batcher(_store_and_close, pause=0.1)


def _html_of(ends: Sequence[FinishedAnswer]) -> list[str]:
    return [_html(end.text) for end in ends]


def _store_ends(ends: Sequence[FinishedAnswer], pages: Sequence[str]) -> list[bool]:
    """Returns for each end whether it was stored; False if another process had already ended the answer."""
    stored: list[Charge | None] = [None] * len(ends)
    with feeds.write_all([end.stream.feed for end in ends]) as locked:
        # Rows are locked in the order of their ids, as in `_store_checkpoint`, so that the two can't deadlock.
        for number in sorted(range(len(ends)), key=lambda number: ends[number].answer_id):
            stored[number] = _store_end(ends[number], pages[number], locked[number])
        settle([charge for charge in stored if charge and charge.reserved_tokens])
    return [charge is not None for charge in stored]


def _store_end(end: FinishedAnswer, html: str, feed: FeedWriter) -> Charge | None:
    """Returns the charge for the answer; None if another process had already ended it."""
    result, usage = end.result, end.result.usage
    input_tokens, output_tokens = (usage.input_tokens, usage.output_tokens) if usage else (None, None)
    ended = AssistantMessage.objects.end(
        end.answer_id,
        status=result.status,
        error=result.error,
        content=end.text,
        content_html=html,
        model=result.model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )
    if ended is None:
        return None
    feed.publish(_end_message(ended.question_id, end, html), ends_text=(end.answer_id, len(end.text)))
    cost = _cost_by_row(end.text, ended.reserved_tokens, ended.worker) if end.cost is None else end.cost
    return Charge(ended.quota_key, ended.address_key, end.asked_at, ended.reserved_tokens, cost)


def _html(text: str) -> str:
    try:
        return render_markdown(text)
    except Exception:  # the answer must end, even if its text can't be rendered
        logger.exception("answer_not_rendered", length=len(text))
        return linebreaks(text, autoescape=True)


def _cost_by_row(text: str, reserved_tokens: int, worker: str) -> int:
    """Estimates the cost of an answer whose writer is gone; returns 0 if no worker had started the answer."""
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


async def end_abandoned_answers() -> int:
    """Ends all answers whose lease has expired, with the text so far; returns the number of these answers."""
    abandoned = await in_database_thread(lambda: list(AssistantMessage.objects.abandoned().defer("content_html")))
    ends = []
    for answer in abandoned:
        if answer.pk in _writers.current():
            continue  # this process still writes it, and renews the lease late
        # The writer may still be alive. `seal` rejects its further chunks, so clients receive no more than is stored.
        stream = stream_of(answer)
        try:
            text = max(answer.content, await stream.seal(), key=len)
        except Exception:  # the row has the text up to the last checkpoint
            logger.exception("reply_buffer_not_sealed", answer=answer.pk)
            text = answer.content
        # A requested stop is not a failure.
        result = AnswerResult(Status.STOPPED) if answer.stop_requested else AnswerResult(Status.FAILED, INTERRUPTED)
        logger.warning("answer_abandoned", answer=answer.pk, length=len(text))
        ends.append(FinishedAnswer(stream, answer.created_at, without_unopened_thoughts(text), result))
    await asyncio.gather(*[_end(end) for end in ends])
    return len(abandoned)
