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
from assistants.messages.assistant import StreamingMessage
from assistants.models import AssistantMessage
from assistants.services.ai_service import Turn, Usage
from assistants.services.blocks import ANSWERS_AT_MOST, Blocks, tell_finished_blocks
from assistants.services.pulse import current_pulse
from assistants.services.reply_buffer import Said, reply_buffer
from core.logs import reason_of
from core.metrics import answers_running, first_token, relay_lag
from live.layers import LAYER_DOWN, live_layer
from live.texts import Piece
from runtime import jobs
from runtime.batching import NOT_NOW
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

LAYER_PATIENCE = 0.5  # seconds until the next try when Redis is away
CHECKPOINT_INTERVAL = 1.0  # seconds


@dataclass(eq=False, slots=True)
class Writing:
    """An answer while this process writes it."""

    answer_id: int
    question_id: int
    conversation_id: UUID
    after_seq: int
    model: str
    turns: list[Turn]
    wants_title: bool
    asked_at: datetime
    text: list[str] = field(default_factory=list)  # all that the model has said
    sent: int = 0  # pieces of `text` that went out,
    length: int = 0  # their characters,
    size: int = 0  # and their bytes
    reading: "asyncio.Task[None] | None" = None
    usage: Usage | None = None
    thought_size: int = 0  # bytes of reasoning, which is no part of `text`
    is_asked: bool = False  # the model was
    is_stopped: bool = False
    is_lost: bool = False  # somebody else ended it
    is_failed: bool = False  # an unexpected error, which is logged
    is_cut_short: bool = False  # by the model's limit, or by ours
    blocks: Blocks = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.answer_id, self.question_id, self.conversation_id, self.after_seq)

    def stop(self) -> None:
        """A reader has had enough."""
        self.is_stopped = True
        if self.reading is not None:
            self.reading.cancel()

    def lose(self) -> None:
        self.is_lost = True
        if self.reading is not None:
            self.reading.cancel()

    def fail(self) -> None:
        self.is_failed = True
        if self.reading is not None:
            self.reading.cancel()

    def so_far(self) -> str:
        return "".join(self.text)


class Ticker:
    """Flushes all answers of a process in one round trip per tick, and checkpoints them in one hop per second.

    A flush is awaited before the next one and before any end: otherwise tails are overtaken. Whoever asks for one
    meanwhile shares the next: with a round trip for each end, fifty ends a second kept everybody's words for seconds.
    """

    def __init__(self) -> None:
        self._writings: dict[int, Writing] = {}
        self._unsent: set[Writing] = set()
        self._unsent_since = 0.0
        self._due: set[Writing] = set()  # those that go with the next flush
        self._next_flush: asyncio.Task[bool] | None = None
        self._flushing = asyncio.Lock()
        self._ticking: asyncio.Task[None] | None = None
        self._checkpointing: asyncio.Task[None] | None = None

    def add(self, writing: Writing) -> None:
        self._writings[writing.answer_id] = writing
        answers_running.set(len(self._writings))
        if self._checkpointing is None:
            self._checkpointing = jobs.spawn(self._checkpoint())

    def writing(self, answer_id: int) -> Writing | None:
        return self._writings.get(answer_id)

    def say(self, writing: Writing, content: str) -> None:
        """Send some text with the next tick; the first piece of an answer goes at once."""
        is_first = not writing.text
        if is_first:
            first_token.observe((timezone.now() - writing.asked_at).total_seconds())
        if not self._unsent:
            self._unsent_since = time.monotonic()
        writing.text.append(content)
        self._unsent.add(writing)
        if is_first:
            self._flush([writing])
        if self._ticking is None:
            self._ticking = jobs.spawn(self._tick())

    async def finish(self, writing: Writing) -> None:
        """Send what is left of an answer before its end goes out."""
        writing.blocks.is_over = True
        try:
            if writing in self._unsent:
                await self._flush([writing])
        finally:  # whatever happens: what stays here has its lease renewed for ever
            self._unsent.discard(writing)
            self._writings.pop(writing.answer_id, None)
            answers_running.set(len(self._writings))

    async def _tick(self) -> None:
        try:
            while self._unsent:
                if await self._flush(self._unsent):
                    await current_pulse().next()
                else:
                    await asyncio.sleep(LAYER_PATIENCE)
        finally:
            self._ticking = None

    def _flush(self, writings: Iterable[Writing]) -> asyncio.Future[bool]:
        """Send what these have to say, with all others for whom that is asked until it begins.

        Whoever stops waiting for it leaves it to the others.
        """
        self._due.update(writings)
        if self._next_flush is None:
            self._next_flush = jobs.spawn(self._flush_due())
        return asyncio.shield(self._next_flush)

    async def _flush_due(self) -> bool:
        async with self._flushing:
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

    def _take_due(self) -> "list[tuple[Writing, int, Said]]":
        """Returns what the due answers have to send: each with the number of its pieces that are in it."""
        due, self._due = self._due, set()
        batch = []
        for writing in due:
            upto = len(writing.text)
            if writing.sent < upto:
                try:
                    batch.append((writing, upto, _next_piece(writing, upto)))
                except Exception:  # it ends this answer and no other
                    logger.exception("answer_not_sent", answer=writing.answer_id)
                    self._fail(writing)
        return batch

    async def _send(self, batch: "Sequence[tuple[Writing, int, Said]]") -> None:
        if not batch:
            return
        closed = await reply_buffer().send([piece for _, _, piece in batch])
        for writing, upto, piece in batch:
            writing.sent, writing.length, writing.size = upto, piece.offset + len(piece.content), piece.size
            if writing.sent == len(writing.text):
                self._unsent.discard(writing)
            if writing.answer_id in closed:
                writing.lose()
        now = time.monotonic()
        relay_lag.observe(now - self._unsent_since)
        self._unsent_since = now

    async def _send_alone(self, one: "tuple[Writing, int, Said]") -> None:
        try:
            await self._send([one])
        except LAYER_DOWN:
            raise
        except Exception:
            logger.exception("answer_not_sent", answer=one[0].answer_id)
            self._fail(one[0])

    def _fail(self, writing: Writing) -> None:
        """Ends an answer after an unexpected error. Its text is stored with its end."""
        self._unsent.discard(writing)
        writing.fail()

    async def _checkpoint(self) -> None:
        """Store the text so far, renew the leases and look who was told to stop, also while the model is silent."""
        try:
            while self._writings:
                await asyncio.sleep(CHECKPOINT_INTERVAL)
                try:
                    await self._checkpoint_all(list(self._writings.values()))
                except NOT_NOW as failure:
                    logger.warning("checkpoint_failed", reason=reason_of(failure), answers=len(self._writings))
                except Exception:  # all leases depend on this loop
                    logger.exception("checkpoint_failed", answers=len(self._writings))
        finally:
            self._checkpointing = None

    async def _checkpoint_all(self, writings: list[Writing]) -> None:
        if not writings:
            return
        texts = [(writing.answer_id, writing.so_far()) for writing in writings]
        try:
            state = await in_database_thread(_store_checkpoint, texts)
        except NOT_NOW:
            raise
        except Exception as failure:  # one text is to blame, and the leases of the others have to be renewed
            logger.error(
                "checkpoint_failed", answers=len(texts), error=type(failure).__name__, exc_info=_is_bug(failure)
            )
            for writing, text in zip(writings, texts, strict=True):
                await self._checkpoint_alone(writing, text)
            return
        for writing in writings:
            _heed(writing, state)
        if len(writings) <= ANSWERS_AT_MOST:
            _show_blocks(writings, texts)

    async def _checkpoint_alone(self, writing: Writing, text: tuple[int, str]) -> None:
        try:
            state = await in_database_thread(_store_checkpoint, [text])
        except NOT_NOW:
            raise
        except Exception as failure:  # it ends this answer and no other
            logger.error(
                "answer_not_kept", answer=writing.answer_id, error=type(failure).__name__, exc_info=_is_bug(failure)
            )
            writing.fail()
        else:
            _heed(writing, state)


def _heed(writing: Writing, state: dict[int, bool]) -> None:
    """Ends the answer if it isn't ours any more, or a reader asked to stop it."""
    match state.get(writing.answer_id):
        case None:
            writing.lose()
        case True:
            writing.stop()


def _is_bug(failure: Exception) -> bool:
    """Returns whether to log a traceback: the message of a database may quote the conversation."""
    return not isinstance(failure, DatabaseError)


def _show_blocks(writings: list[Writing], texts: list[tuple[int, str]]) -> None:
    sent = [(writing.blocks, text[: writing.length]) for writing, (_, text) in zip(writings, texts, strict=True)]
    if worth_a_look := [(blocks, text) for blocks, text in sent if blocks.may_have_more(text)]:
        # A job of its own: whatever becomes of it, leases are renewed in time.
        jobs.start(tell_finished_blocks, worth_a_look)


def _next_piece(writing: Writing, upto: int) -> Said:
    content = "".join(writing.text[writing.sent : upto])
    feed = conversation_feed(writing.conversation_id)
    frame = StreamingMessage.frame(
        content, message_id=writing.question_id, reply_id=writing.answer_id, offset=writing.length
    )
    piece = Piece(writing.answer_id, writing.after_seq, writing.length, len(content), frame)
    return Said(
        answer_id=writing.answer_id,
        content=content,
        offset=writing.length,
        size=writing.size + len(content.encode()),
        feed=feed,
        message=piece.message(feed),
        whole=lambda: "".join(writing.text[:upto]),
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


_tickers = PerLoop(Ticker)


def current_ticker() -> Ticker:
    """The ticker of this event loop; a server has one."""
    return _tickers.current()
