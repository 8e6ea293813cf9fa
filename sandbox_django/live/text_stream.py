"""Streams a text to clients while it is written, such as a progress log or an answer of a language model.

    async with live.stream(feed, text_id, after=seq) as text:
        text.append("…")

A process sends the chunks of all its texts together, up to 20 times a second, and checkpoints all texts together once
a second. There are too many chunks to store as events, so a chunk has no sequence number but an offset in characters.
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
    """A function that returns the frame of a chunk. The frame's payload has `content` and `offset`."""

    def __call__(self, content: str, *, offset: int) -> str: ...


# Called once a second with the running streams that share this function, also while nothing is appended. It stores
# their texts and renews their leases. Its result contains the id of each text whose lease this process still has, with
# True if a user has stopped the text.
Checkpoint: TypeAlias = Callable[[Sequence["TextStream"]], Awaitable[Mapping[int, bool]]]


class TextStream:
    """A text that the task in this stream's `async with` block is writing.

    The task is cancelled, and the block ends without an exception, when a user stops the text (`is_stopped`), another
    process has ended the text (`is_superseded`), or the text can't be sent or stored (`is_failed`). The rest of the
    text is sent before the block ends. The owner then stores the text, publishes the end event, and calls `close`, in
    this order.
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
        self.sent = self.length = self.size = 0  # chunks, characters and bytes that were sent
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
        # As in `asyncio.timeout`: only our own cancellation is suppressed, and any other propagates.
        is_ours = self._is_interrupted and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError
        await self._flusher.finish(self)
        return is_ours

    def append(self, content: str) -> None:
        """Appends to the text. The first chunk is sent immediately, and later chunks at the next tick."""
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
        """Ends the stream because another process has ended the text. The owner stores and sends nothing more."""
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
        """Returns the buffered text, and makes the buffer reject further chunks of a text whose writer is gone."""
        return await sealed_text(self.key)

    async def close(self) -> None:
        """Deletes the text from the buffer. Call it when the text is stored."""
        await close_texts([self.key])

    def whole(self, text: str) -> TextChunk:
        """Returns `text` as one chunk with offset 0, for a client that joins late."""
        return TextChunk(self.text_id, self.after, 0, len(text), self._frame(text, offset=0))

    def next_chunk(self, end: int) -> BufferedChunk:
        """Returns the unsent chunks before index `end`, joined to one chunk."""
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
    """Returns the stream of a text in a feed, for its writer or for clients that join late.

    A feed has at most one running text at a time, and each new text needs a greater `text_id`. `after` is the sequence
    number of the event that the text follows. `frame` builds frames other than those of `TextChunkMessage`. `key` is
    the text's key in Redis.
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
    """Flushes all texts of a process in one round trip per tick, and checkpoints them once a second.

    Flushes run one after the other, and a text's end waits for its last flush, so chunks stay in order. All requests
    that arrive during a flush share the next flush. With a round trip for each text that ended, fifty ends a second
    delayed all texts by seconds.
    """

    def __init__(self) -> None:
        self._streams: dict[str, TextStream] = {}
        self._unsent: set[TextStream] = set()
        self._unsent_since = 0.0
        self._due: set[TextStream] = set()  # texts that the next flush sends
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
        finally:  # otherwise the text's lease would be renewed for ever
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
        """Adds these texts to the next flush; the returned future is done when that flush is.

        A caller that is cancelled while it waits doesn't cancel the flush, since other callers wait for it.
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
                except Exception:  # probably caused by one chunk, so send each text separately
                    logger.exception("flush_failed", texts=len(batch))
                    for one in batch:
                        await self._send_alone(one)
            except LAYER_DOWN as failure:
                # No text is lost: the unsent chunks are sent by a later flush, and the owner stores the whole text.
                live_layer().outage.failed(failure)
                return False
        return True

    def _take_due(self) -> list[tuple[TextStream, int, BufferedChunk]]:
        """Returns for each text: the stream, the end index of its unsent chunks, and these chunks joined to one."""
        due, self._due = self._due, set()
        batch = []
        for text in due:
            end = len(text.chunks)
            if text.sent < end:
                try:
                    batch.append((text, end, text.next_chunk(end)))
                except Exception:  # an error ends only this text
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
        """Calls each checkpoint function once a second with its running texts, also while nothing is appended."""
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
                    except Exception:  # the loop must go on, since it renews all leases
                        logger.exception("checkpoint_failed", texts=len(texts))
        finally:
            self._checkpoint_task = None

    async def _checkpoint_all(self, checkpoint: Checkpoint, texts: list[TextStream]) -> None:
        try:
            states = await checkpoint(texts)
        except UNAVAILABLE_ERRORS:
            raise
        except Exception as failure:  # probably caused by one text, so checkpoint each text separately
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
        except Exception as failure:  # an error ends only this text
            logger.error("text_not_stored", key=text.key, error=type(failure).__name__, exc_info=_is_bug(failure))
            text.fail()
        else:
            _apply_state(text, states)


def _apply_state(text: TextStream, states: Mapping[int, bool]) -> None:
    """Ends the text if this process has lost its lease, or if a user has stopped it."""
    match states.get(text.text_id):
        case None:
            text.supersede()
        case True:
            text.stop()


def _is_bug(failure: Exception) -> bool:
    """Returns whether to log a traceback, which for a database error could quote the text."""
    return not isinstance(failure, DatabaseError)


_flushers = PerLoop(TextFlusher)


def current_flusher() -> TextFlusher:
    """Returns the flusher of this event loop; a server has one."""
    return _flushers.current()
