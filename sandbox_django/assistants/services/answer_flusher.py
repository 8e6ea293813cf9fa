"""What this process's answers say, sent together every few milliseconds."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from assistants.groups import conversation_feed
from assistants.llm.base import Turn, Usage
from assistants.messages.assistant import StreamingMessage
from assistants.models import AssistantMessage
from assistants.services.blocks import MAX_ANSWERS, RenderedBlocks, publish_finished_blocks
from assistants.services.flush_clock import current_flush_clock
from assistants.services.reply_buffer import BufferedChunk, reply_buffer
from core.logs import reason_of
from core.metrics import answers_running, first_token, relay_lag
from live.layers import LAYER_DOWN, live_layer
from live.text_chunk import TextChunk
from runtime import jobs
from runtime.batching import UNAVAILABLE_ERRORS
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

LAYER_RETRY_DELAY = 0.5  # seconds until the next try when Redis is away
CHECKPOINT_INTERVAL = 1.0  # seconds


@dataclass(eq=False, slots=True)
class ActiveAnswer:
    """An answer while this process writes it."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int
    model: str
    turns: list[Turn]
    wants_title: bool
    asked_at: datetime
    chunks: list[str] = field(default_factory=list)  # all that the model has said
    sent: int = 0  # of the chunks that went out,
    length: int = 0  # their characters,
    size: int = 0  # and their bytes
    model_task: "asyncio.Task[None] | None" = None
    usage: Usage | None = None
    reasoning_size: int = 0  # bytes of reasoning, which is no part of the text
    is_requested: bool = False  # the model was
    is_stopped: bool = False
    is_superseded: bool = False  # somebody else ended it
    is_failed: bool = False  # an unexpected error, which is logged
    is_cut_short: bool = False  # by the model's limit, or by ours
    blocks: RenderedBlocks = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = RenderedBlocks(self.answer_id, self.question_id, self.conversation_id, self.after_seq)

    def stop(self) -> None:
        """A reader has had enough."""
        self.is_stopped = True
        if self.model_task is not None:
            self.model_task.cancel()

    def supersede(self) -> None:
        self.is_superseded = True
        if self.model_task is not None:
            self.model_task.cancel()

    def fail(self) -> None:
        self.is_failed = True
        if self.model_task is not None:
            self.model_task.cancel()

    def text(self) -> str:
        return "".join(self.chunks)


class AnswerFlusher:
    """Flushes all answers of a process in one round trip per tick, and checkpoints them in one hop per second.

    A flush is awaited before the next one and before any end: otherwise tails are overtaken. Whoever asks for one
    meanwhile shares the next: with a round trip for each end, fifty ends a second kept everybody's words for seconds.
    """

    def __init__(self) -> None:
        self._answers: dict[int, ActiveAnswer] = {}
        self._unsent: set[ActiveAnswer] = set()
        self._unsent_since = 0.0
        self._due: set[ActiveAnswer] = set()  # those that go with the next flush
        self._next_flush: asyncio.Task[bool] | None = None
        self._flush_lock = asyncio.Lock()
        self._flush_task: asyncio.Task[None] | None = None
        self._checkpoint_task: asyncio.Task[None] | None = None

    def add(self, active: ActiveAnswer) -> None:
        self._answers[active.answer_id] = active
        answers_running.set(len(self._answers))
        if self._checkpoint_task is None:
            self._checkpoint_task = jobs.spawn(self._checkpoint())

    def get(self, answer_id: int) -> ActiveAnswer | None:
        return self._answers.get(answer_id)

    def append(self, active: ActiveAnswer, content: str) -> None:
        """Send some text with the next tick; the first piece of an answer goes at once."""
        is_first = not active.chunks
        if is_first:
            first_token.observe((timezone.now() - active.asked_at).total_seconds())
        if not self._unsent:
            self._unsent_since = time.monotonic()
        active.chunks.append(content)
        self._unsent.add(active)
        if is_first:
            self._flush([active])
        if self._flush_task is None:
            self._flush_task = jobs.spawn(self._flush_loop())

    async def finish(self, active: ActiveAnswer) -> None:
        """Send what is left of an answer before its end goes out."""
        active.blocks.is_over = True
        try:
            if active in self._unsent:
                await self._flush([active])
        finally:  # whatever happens: what stays here has its lease renewed for ever
            self._unsent.discard(active)
            self._answers.pop(active.answer_id, None)
            answers_running.set(len(self._answers))

    async def _flush_loop(self) -> None:
        try:
            while self._unsent:
                if await self._flush(self._unsent):
                    await current_flush_clock().next()
                else:
                    await asyncio.sleep(LAYER_RETRY_DELAY)
        finally:
            self._flush_task = None

    def _flush(self, answers: Iterable[ActiveAnswer]) -> asyncio.Future[bool]:
        """Send what these have to say, with all others for whom that is asked until it begins.

        Whoever stops waiting for it leaves it to the others.
        """
        self._due.update(answers)
        if self._next_flush is None:
            self._next_flush = jobs.spawn(self._flush_due())
        return asyncio.shield(self._next_flush)

    async def _flush_due(self) -> bool:
        async with self._flush_lock:
            self._next_flush = None
            batch = self._take_due()
            try:
                try:
                    await self._send(batch)
                except LAYER_DOWN:
                    raise
                except Exception:  # one piece is to blame, and the other answers have to go on
                    logger.exception("flush_failed", answers=len(batch))
                    for one in batch:
                        await self._send_alone(one)
            except LAYER_DOWN as failure:
                # Nothing is lost: it goes with the next tick, or with the stored row.
                live_layer().outage.failed(failure)
                return False
        return True

    def _take_due(self) -> "list[tuple[ActiveAnswer, int, BufferedChunk]]":
        """Returns what the due answers have to send: each with the number of its pieces that are in it."""
        due, self._due = self._due, set()
        batch = []
        for active in due:
            end = len(active.chunks)
            if active.sent < end:
                try:
                    batch.append((active, end, _next_chunk(active, end)))
                except Exception:  # it ends this answer and no other
                    logger.exception("answer_not_sent", answer=active.answer_id)
                    self._fail(active)
        return batch

    async def _send(self, batch: "Sequence[tuple[ActiveAnswer, int, BufferedChunk]]") -> None:
        if not batch:
            return
        closed = await reply_buffer().send([chunk for _, _, chunk in batch])
        for active, end, chunk in batch:
            active.sent, active.length, active.size = end, chunk.offset + len(chunk.content), chunk.size
            if active.sent == len(active.chunks):
                self._unsent.discard(active)
            if active.answer_id in closed:
                active.supersede()
        now = time.monotonic()
        relay_lag.observe(now - self._unsent_since)
        self._unsent_since = now

    async def _send_alone(self, one: "tuple[ActiveAnswer, int, BufferedChunk]") -> None:
        try:
            await self._send([one])
        except LAYER_DOWN:
            raise
        except Exception:
            logger.exception("answer_not_sent", answer=one[0].answer_id)
            self._fail(one[0])

    def _fail(self, active: ActiveAnswer) -> None:
        """Ends an answer after an unexpected error. Its text is stored with its end."""
        self._unsent.discard(active)
        active.fail()

    async def _checkpoint(self) -> None:
        """Store the text so far, renew the leases and look who was told to stop, also while the model is silent."""
        try:
            while self._answers:
                await asyncio.sleep(CHECKPOINT_INTERVAL)
                try:
                    await self._checkpoint_all(list(self._answers.values()))
                except UNAVAILABLE_ERRORS as failure:
                    logger.warning("checkpoint_failed", reason=reason_of(failure), answers=len(self._answers))
                except Exception:  # all leases depend on this loop
                    logger.exception("checkpoint_failed", answers=len(self._answers))
        finally:
            self._checkpoint_task = None

    async def _checkpoint_all(self, answers: list[ActiveAnswer]) -> None:
        if not answers:
            return
        texts = [(active.answer_id, active.text()) for active in answers]
        try:
            state = await in_database_thread(_store_checkpoint, texts)
        except UNAVAILABLE_ERRORS:
            raise
        except Exception as failure:  # one text is to blame, and the leases of the others have to be renewed
            logger.error(
                "checkpoint_failed", answers=len(texts), error=type(failure).__name__, exc_info=_is_bug(failure)
            )
            for active, text in zip(answers, texts, strict=True):
                await self._checkpoint_alone(active, text)
            return
        for active in answers:
            _apply_state(active, state)
        if len(answers) <= MAX_ANSWERS:
            _show_blocks(answers, texts)

    async def _checkpoint_alone(self, active: ActiveAnswer, text: tuple[int, str]) -> None:
        try:
            state = await in_database_thread(_store_checkpoint, [text])
        except UNAVAILABLE_ERRORS:
            raise
        except Exception as failure:  # it ends this answer and no other
            logger.error(
                "answer_not_kept", answer=active.answer_id, error=type(failure).__name__, exc_info=_is_bug(failure)
            )
            active.fail()
        else:
            _apply_state(active, state)


def _apply_state(active: ActiveAnswer, state: dict[int, bool]) -> None:
    """Ends the answer if it isn't ours any more, or a reader asked to stop it."""
    match state.get(active.answer_id):
        case None:
            active.supersede()
        case True:
            active.stop()


def _is_bug(failure: Exception) -> bool:
    """Returns whether to log a traceback: the message of a database may quote the conversation."""
    return not isinstance(failure, DatabaseError)


def _show_blocks(answers: list[ActiveAnswer], texts: list[tuple[int, str]]) -> None:
    sent = [(active.blocks, text[: active.length]) for active, (_, text) in zip(answers, texts, strict=True)]
    if growing := [(blocks, text) for blocks, text in sent if blocks.may_have_more(text)]:
        # A job of its own: whatever becomes of it, leases are renewed in time.
        jobs.start(publish_finished_blocks, growing)


def _next_chunk(active: ActiveAnswer, end: int) -> BufferedChunk:
    content = "".join(active.chunks[active.sent : end])
    feed = conversation_feed(active.conversation_id)
    frame = StreamingMessage.frame(
        content, message_id=active.question_id, reply_id=active.answer_id, offset=active.length
    )
    chunk = TextChunk(active.answer_id, active.after_seq, active.length, len(content), frame)
    return BufferedChunk(
        answer_id=active.answer_id,
        content=content,
        offset=active.length,
        size=active.size + len(content.encode()),
        feed=feed,
        message=chunk.message(feed),
        full_text=lambda: "".join(active.chunks[:end]),
    )


def lease_from_now() -> datetime:
    return timezone.now() + timedelta(seconds=settings.ASSISTANT_LEASE_SECONDS)


def _store_checkpoint(texts: list[tuple[int, str]]) -> dict[int, bool]:
    """Returns which answers are still ours to write, and whether a reader asked to stop each."""
    lease = connection.ops.adapt_datetimefield_value(lease_from_now())
    ids = [answer_id for answer_id, _ in texts]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE assistants_assistantmessage SET content = %s, lease_expires_at = %s "
                "WHERE id = %s AND status = 'streaming'",
                [(text, lease, answer_id) for answer_id, text in sorted(texts)],  # in one order, as ends do it
            )
        still_ours = AssistantMessage.objects.streaming().filter(pk__in=ids)
        return dict(still_ours.values_list("pk", "stop_requested"))


_flushers = PerLoop(AnswerFlusher)


def current_flusher() -> AnswerFlusher:
    """The ticker of this event loop; a server has one."""
    return _flushers.current()
