"""Text that clients receive while it is written, such as a progress log or an answer of a language model.

    async with live.stream(feed, text_id, after=seq) as text:
        text.append("…")

The chunks of all texts of a process are sent together every few milliseconds, and all texts are checkpointed together
once a second. There are too many chunks to store as events, so they are numbered by their offset in characters.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeAlias

import structlog
from django.db import DatabaseError

from live import metrics
from live.flush_clock import current_flush_clock
from live.layers import LAYER_DOWN, live_layer
from live.messages import TextChunkMessage
from live.text_buffer import BufferedChunk, buffered_text, close_texts, sealed_text, text_buffer
from live.text_chunk import TextChunk
from runtime import jobs
from runtime.batching import UNAVAILABLE_ERRORS
from runtime.failures import reason_of
from runtime.per_loop import PerLoop

logger = structlog.get_logger(__name__)

LAYER_RETRY_DELAY = 0.5  # seconds between two flushes while Redis is down
CHECKPOINT_INTERVAL = 1.0  # seconds


class Frame(Protocol):
    """Returns the frame of a chunk, as clients receive it. Its payload has `content` and `offset`."""

    def __call__(self, content: str, *, offset: int) -> str: ...


# Called once a second with the running streams that share it, also while nothing is appended. It stores their texts,
# renews their leases, and returns the ids that are still this process's to write, each with whether to stop it.
Checkpoint: TypeAlias = Callable[[Sequence["TextStream"]], Awaitable[Mapping[int, bool]]]


class TextStream:
    """A text while it is written. The task in its `async with` block writes it.

    That task is cancelled, and the block ends without an exception, when a user stops the text (`is_stopped`), another
    process has ended it (`is_superseded`) or it can't be sent or stored (`is_failed`). When the block ends, all of the
    text has been sent. The owner then stores it, publishes its end as an event, and closes it, in this order.
    """

    __slots__ = (
        "_cancelling",
        "_flusher",
        "_frame",
        "_is_interrupted",
        "_task",
        "after",
        "checkpoint",
        "chunks",
        "feed",
        "is_failed",
        "is_stopped",
        "is_superseded",
        "key",
        "length",
        "sent",
        "size",
        "text_id",
    )

    _flusher: "TextFlusher"

    def __init__(
        self, feed: str, text_id: int, *, after: int, key: str, frame: Frame, checkpoint: Checkpoint | None
    ) -> None:
        self.feed = feed
        self.text_id = text_id
        self.after = after
        self.key = key
        self._frame = frame
        self.checkpoint = checkpoint
        self.chunks: list[str] = []
        self.sent = self.length = self.size = 0  # chunks that were sent, with their characters and bytes
        self.is_stopped = self.is_superseded = self.is_failed = False
        self._is_interrupted = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._flusher = current_flusher()
        self._flusher.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        assert task is not None
        # As `asyncio.timeout` does: a cancellation from elsewhere goes on.
        is_ours = self._is_interrupted and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError
        await self._flusher.finish(self)
        return is_ours

    def append(self, content: str) -> None:
        """Adds to the text. It is sent with the next tick, the first chunk immediately."""
        if self._task is None:
            raise RuntimeError("This text is not open: append inside of its `async with` block.")
        if content:
            self._flusher.append(self, content)

    def text(self) -> str:
        return "".join(self.chunks)

    def stop(self) -> None:
        """Ends the text on a user's request."""
        self.is_stopped = True
        self._interrupt()

    def supersede(self) -> None:
        """Ends the text because another process has ended it. The owner stores and sends nothing more."""
        self.is_superseded = True
        self._interrupt()

    def fail(self) -> None:
        """Ends the text after an unexpected error, which is logged."""
        self.is_failed = True
        self._interrupt()

    async def so_far(self) -> str:
        """Returns the text in the buffer, in any process; empty if there is none."""
        return await buffered_text(self.key)

    async def seal(self) -> str:
        """Returns the same, and rejects further chunks: for ending a text whose writer is gone."""
        return await sealed_text(self.key)

    async def close(self) -> None:
        """Deletes the buffered text once the text is stored."""
        await close_texts([self.key])

    def whole(self, text: str) -> TextChunk:
        """Returns `text`, from its start, as one chunk for a client that joins late."""
        return TextChunk(self.text_id, self.after, 0, len(text), self._frame(text, offset=0))

    def next_chunk(self, end: int) -> BufferedChunk:
        """Returns the chunks before number `end` that were not sent, as one."""
        content = "".join(self.chunks[self.sent : end])
        chunk = TextChunk(self.text_id, self.after, self.length, len(content), self._frame(content, offset=self.length))
        return BufferedChunk(
            key=self.key,
            content=content,
            offset=self.length,
            size=self.size + len(content.encode()),
            feed=self.feed,
            message=chunk.message(self.feed),
            full_text=lambda: "".join(self.chunks[:end]),
        )

    def _interrupt(self) -> None:
        if self._task is not None and not self._is_interrupted:
            self._is_interrupted = True
            self._task.cancel()


def stream(
    feed: str,
    text_id: int,
    *,
    after: int,
    frame: Frame | None = None,
    checkpoint: Checkpoint | None = None,
    key: str = "",
) -> TextStream:
    """Returns the text with this id in a feed, to write it or to join it late.

    `after` is the number of the event that the text follows. `text_id` grows from text to text of a feed, and one of
    them runs at a time. `frame` makes other frames than `TextChunkMessage`, and `key` names the text in Redis.
    """
    return TextStream(
        feed,
        text_id,
        after=after,
        key=key or f"live:text:{feed}:{text_id}",
        frame=frame or partial(TextChunkMessage.frame, text_id=text_id),
        checkpoint=checkpoint,
    )


class TextFlusher:
    """Flushes all texts of a process in one round trip per tick, and checkpoints them in one per second.

    A flush is awaited before the next one and before any end, so that no chunk is overtaken. Requests for a flush
    during one share the next: with a round trip for each end, fifty ends a second delayed all texts for seconds.
    """

    def __init__(self) -> None:
        self._streams: dict[str, TextStream] = {}
        self._unsent: set[TextStream] = set()
        self._unsent_since = 0.0
        self._due: set[TextStream] = set()  # sent with the next flush
        self._next_flush: asyncio.Task[bool] | None = None
        self._flush_lock = asyncio.Lock()
        self._flush_task: asyncio.Task[None] | None = None
        self._checkpoint_task: asyncio.Task[None] | None = None

    def add(self, text: TextStream) -> None:
        self._streams[text.key] = text
        if self._checkpoint_task is None:
            self._checkpoint_task = jobs.spawn(self._checkpoint_loop())

    def append(self, text: TextStream, content: str) -> None:
        is_first = not text.chunks
        if not self._unsent:
            self._unsent_since = time.monotonic()
        text.chunks.append(content)
        self._unsent.add(text)
        if is_first:
            self._flush([text])
        if self._flush_task is None:
            self._flush_task = jobs.spawn(self._flush_loop())

    async def finish(self, text: TextStream) -> None:
        """Sends the rest of a text before its end is published."""
        try:
            if text in self._unsent:
                await self._flush([text])
        finally:  # otherwise its lease would be renewed for ever
            self._unsent.discard(text)
            self._streams.pop(text.key, None)

    async def _flush_loop(self) -> None:
        try:
            while self._unsent:
                if await self._flush(self._unsent):
                    await current_flush_clock().next()
                else:
                    await asyncio.sleep(LAYER_RETRY_DELAY)
        finally:
            self._flush_task = None

    def _flush(self, texts: Iterable[TextStream]) -> asyncio.Future[bool]:
        """Sends these texts, together with all others that are requested until it begins.

        A caller that stops waiting leaves the flush running for the others.
        """
        self._due.update(texts)
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
                except Exception:  # caused by one chunk, and the other texts have to go on
                    logger.exception("flush_failed", texts=len(batch))
                    for one in batch:
                        await self._send_alone(one)
            except LAYER_DOWN as failure:
                # Nothing is lost: the text is kept for the next flush, or is stored at its end.
                live_layer().outage.failed(failure)
                return False
        return True

    def _take_due(self) -> list[tuple[TextStream, int, BufferedChunk]]:
        """Returns the chunks to send, each with the number of the first chunk of its text that it does not contain."""
        due, self._due = self._due, set()
        batch = []
        for text in due:
            end = len(text.chunks)
            if text.sent < end:
                try:
                    batch.append((text, end, text.next_chunk(end)))
                except Exception:  # ends this text only
                    logger.exception("text_not_sent", key=text.key)
                    self._fail(text)
        return batch

    async def _send(self, batch: Sequence[tuple[TextStream, int, BufferedChunk]]) -> None:
        if not batch:
            return
        closed = await text_buffer().send([chunk for _, _, chunk in batch])
        for text, end, chunk in batch:
            text.sent, text.length, text.size = end, chunk.offset + len(chunk.content), chunk.size
            if text.sent == len(text.chunks):
                self._unsent.discard(text)
            if text.key in closed:
                text.supersede()
        now = time.monotonic()
        for observe in metrics.flush_observers:
            observe(now - self._unsent_since)
        self._unsent_since = now

    async def _send_alone(self, one: tuple[TextStream, int, BufferedChunk]) -> None:
        try:
            await self._send([one])
        except LAYER_DOWN:
            raise
        except Exception:
            logger.exception("text_not_sent", key=one[0].key)
            self._fail(one[0])

    def _fail(self, text: TextStream) -> None:
        self._unsent.discard(text)
        text.fail()

    async def _checkpoint_loop(self) -> None:
        """Checkpoints the texts of each owner, also while nothing is appended."""
        try:
            while self._streams:
                await asyncio.sleep(CHECKPOINT_INTERVAL)
                by_checkpoint: defaultdict[Checkpoint, list[TextStream]] = defaultdict(list)
                for text in self._streams.values():
                    if text.checkpoint is not None:
                        by_checkpoint[text.checkpoint].append(text)
                for checkpoint, texts in by_checkpoint.items():
                    try:
                        await self._checkpoint_all(checkpoint, texts)
                    except UNAVAILABLE_ERRORS as failure:
                        logger.warning("checkpoint_failed", reason=reason_of(failure), texts=len(texts))
                    except Exception:  # all leases depend on this loop
                        logger.exception("checkpoint_failed", texts=len(texts))
        finally:
            self._checkpoint_task = None

    async def _checkpoint_all(self, checkpoint: Checkpoint, texts: list[TextStream]) -> None:
        try:
            states = await checkpoint(texts)
        except UNAVAILABLE_ERRORS:
            raise
        except Exception as failure:  # caused by one text, and the leases of the others have to be renewed
            logger.error("checkpoint_failed", texts=len(texts), error=type(failure).__name__, exc_info=_is_bug(failure))
            for text in texts:
                await self._checkpoint_alone(checkpoint, text)
            return
        for text in texts:
            _apply_state(text, states)

    async def _checkpoint_alone(self, checkpoint: Checkpoint, text: TextStream) -> None:
        try:
            states = await checkpoint([text])
        except UNAVAILABLE_ERRORS:
            raise
        except Exception as failure:  # ends this text only
            logger.error("text_not_stored", key=text.key, error=type(failure).__name__, exc_info=_is_bug(failure))
            text.fail()
        else:
            _apply_state(text, states)


def _apply_state(text: TextStream, states: Mapping[int, bool]) -> None:
    """Ends the text if its lease is lost, or a user has stopped it."""
    match states.get(text.text_id):
        case None:
            text.supersede()
        case True:
            text.stop()


def _is_bug(failure: Exception) -> bool:
    """Returns whether to log a traceback: the message of a database error may quote the text."""
    return not isinstance(failure, DatabaseError)


_flushers = PerLoop(TextFlusher)


def current_flusher() -> TextFlusher:
    """Returns the flusher of this event loop; a server has one."""
    return _flushers.current()
