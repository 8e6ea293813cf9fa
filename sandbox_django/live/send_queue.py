"""Queues frames for a client that may be slow to read."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import structlog

from live import conf
from live.metrics import counts

logger = structlog.get_logger(__name__)

Send: TypeAlias = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]

# Limits on the frames that wait for one client: enough for a complete replay and the events that arrive during it. A
# client that exceeds them is disconnected. It reconnects and receives the rest.
MAX_QUEUED_FRAMES = 6000  # frames
MAX_QUEUED_BYTES = 4 * 1024 * 1024
# The limit for all clients of this process together. A frame in several queues is counted once per queue.
MAX_QUEUED_BYTES_TOTAL = 256 * 1024 * 1024

# The exceptions of `send` when the client has disconnected. The disconnect message follows.
CLIENT_GONE = (OSError, RuntimeError)


class SendQueue:
    """Sends frames in order and never makes the caller wait.

    Nearly every `send` completes without waiting, because the kernel accepts the bytes immediately. So `put` runs the
    coroutine directly up to its first await. Only a `send` that has to wait gets a task, and later frames are queued.
    """

    __slots__ = ("_bytes", "_is_sealed", "_on_stalled", "_send", "_sending", "_stall_task", "_waiting")

    bytes_total: ClassVar[int] = 0  # in all queues of this process

    def __init__(self, send: Send, on_stalled: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._send = send
        self._on_stalled = on_stalled  # called once, if the client has stopped reading
        self._stall_task: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._waiting: deque[str] | None = None  # created when needed, which most sockets never do
        self._bytes = 0  # of the waiting frames
        self._is_sealed = False

    def put(self, frame: str) -> None:
        if self._is_sealed:
            return
        counts.frames_sent += 1
        if self._sending is not None:
            self._queue(frame)
            return
        sending = self._send({"type": "websocket.send", "text": frame})
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        except Exception as failure:  # affects only this client; the caller goes on to the next
            if not isinstance(failure, CLIENT_GONE):
                logger.exception("socket_send_failed")
            return
        self._sending = asyncio.create_task(self._finish(sending, awaited))

    def _queue(self, frame: str) -> None:
        assert self._sending is not None
        if self._waiting is None:
            self._waiting = deque()
        if (
            len(self._waiting) < MAX_QUEUED_FRAMES
            and self._bytes < MAX_QUEUED_BYTES
            and SendQueue.bytes_total < MAX_QUEUED_BYTES_TOTAL
        ):
            self._waiting.append(frame)
            self._count(_size(frame))
        elif self._stall_task is None and not self._sending.done():
            self._sending.cancel()
            self._clear_waiting()
            self._stall_task = asyncio.create_task(self._on_stalled())

    def _count(self, size: int) -> None:
        self._bytes += size
        SendQueue.bytes_total += size

    def _clear_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.clear()
        self._count(-self._bytes)

    async def _finish(self, sending: Coroutine[Any, Any, None], awaited: Any) -> None:
        try:
            async with asyncio.timeout(conf.SLOW_CLIENT_TIMEOUT.value):
                await _ResumedSend(sending, awaited)
            while self._waiting:
                frame = self._waiting.popleft()
                self._count(-_size(frame))
                async with asyncio.timeout(conf.SLOW_CLIENT_TIMEOUT.value):
                    await self._send({"type": "websocket.send", "text": frame})
        except TimeoutError:
            self._clear_waiting()
            await self._on_stalled()
            return  # `_sending` stays set, so nothing more is sent
        except CLIENT_GONE:
            self._clear_waiting()
            return
        except Exception:  # the client missed a frame, so it has to reconnect
            logger.exception("socket_send_failed")
            self._clear_waiting()
            await self._on_stalled()
            return
        self._sending = None

    async def flush(self) -> None:
        """Waits until all frames are sent, or the client is disconnected."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    def seal(self) -> None:
        """Accepts no more frames; waiting frames are still sent."""
        self._is_sealed = True

    def discard_queued(self) -> None:
        """Accepts no more frames and drops the waiting frames. The frame that is being sent is completed."""
        self.seal()
        self._clear_waiting()

    def close(self) -> None:
        """Drops all frames, including the one that is being sent."""
        self.discard_queued()
        if self._sending is not None:
            self._sending.cancel()


def _size(frame: str) -> int:
    """Estimates the bytes of a frame, because encoding the frame would take as long as sending it."""
    return len(frame) if frame.isascii() else 2 * len(frame)


@dataclass(frozen=True, slots=True)
class _ResumedSend:
    """Continues a coroutine that was run directly up to its first await, which yielded `awaited`."""

    sending: Coroutine[Any, Any, None]
    awaited: Any

    def __await__(self) -> Generator[Any, Any, None]:
        awaited = self.awaited
        try:
            while True:
                try:
                    yield awaited
                except BaseException as interruption:  # noqa: BLE001  # passed on: a timeout or a cancellation
                    awaited = self.sending.throw(interruption)
                else:
                    awaited = self.sending.send(None)
        except StopIteration:
            return
