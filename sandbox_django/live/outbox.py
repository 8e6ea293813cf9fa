"""The way out to one browser, which may be slow."""

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

# What may wait for one client: a whole replay, and what comes in the meantime. One that is further behind is
# disconnected, and comes back for the rest.
MAX_WAITING = 6000  # frames
MAX_WAITING_BYTES = 4 * 1024 * 1024
# What may wait for all clients of this process. Most frames are shared, but each is counted once for each client.
MAX_WAITING_BYTES_TOGETHER = 256 * 1024 * 1024

# What a server raises when the browser is gone. Its disconnect is on the way.
GONE = (OSError, RuntimeError)


class Outbox:
    """Sends frames in order and never makes the caller wait.

    Nearly every send is done in its first step, because the kernel takes the bytes at once. So that step is driven by
    hand; only a send that has to wait gets a task, and later frames queue behind it.
    """

    __slots__ = ("_bytes", "_give_up", "_giving_up", "_is_sealed", "_send", "_sending", "_waiting")

    bytes_together: ClassVar[int] = 0  # in the queues of this process

    def __init__(self, send: Send, give_up: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._send = send
        self._give_up = give_up  # called once when the browser doesn't read any more
        self._giving_up: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._waiting: deque[str] | None = None  # made when needed: most sockets never need one
        self._bytes = 0  # of the frames in it
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
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception as failure:  # it is this browser's alone: the others must get the frame all the same
            if not isinstance(failure, GONE):
                logger.exception("socket_send_failed")
            return
        self._sending = asyncio.create_task(self._finish(sending, waits_for))

    def _queue(self, frame: str) -> None:
        assert self._sending is not None
        if self._waiting is None:
            self._waiting = deque()
        if (
            len(self._waiting) < MAX_WAITING
            and self._bytes < MAX_WAITING_BYTES
            and Outbox.bytes_together < MAX_WAITING_BYTES_TOGETHER
        ):
            self._waiting.append(frame)
            self._count(_size(frame))
        elif self._giving_up is None and not self._sending.done():
            self._sending.cancel()
            self._drop_waiting()
            self._giving_up = asyncio.create_task(self._give_up())

    def _count(self, size: int) -> None:
        self._bytes += size
        Outbox.bytes_together += size

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.clear()
        self._count(-self._bytes)

    async def _finish(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            async with asyncio.timeout(conf.SLOW_CLIENT_TIMEOUT.value):
                await _RestOf(sending, waits_for)
            while self._waiting:
                frame = self._waiting.popleft()
                self._count(-_size(frame))
                async with asyncio.timeout(conf.SLOW_CLIENT_TIMEOUT.value):
                    await self._send({"type": "websocket.send", "text": frame})
        except TimeoutError:
            self._drop_waiting()
            await self._give_up()
            return  # `_sending` stays: nothing more goes out
        except GONE:
            self._drop_waiting()
            return
        except Exception:  # the client misses a frame, so it has to come back for it
            logger.exception("socket_send_failed")
            self._drop_waiting()
            await self._give_up()
            return
        self._sending = None

    async def flush(self) -> None:
        """Wait until all that was put is out, or the browser is given up."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    def seal(self) -> None:
        """Accept no more frames; those that wait are still sent."""
        self._is_sealed = True

    def forget(self) -> None:
        """Send nothing more than the frame that is on its way."""
        self.seal()
        self._drop_waiting()

    def close(self) -> None:
        """Send nothing more."""
        self.forget()
        if self._sending is not None:
            self._sending.cancel()


def _size(frame: str) -> int:
    """About the memory that a frame takes: without encoding it, which would take as long as sending it."""
    return len(frame) if frame.isascii() else 2 * len(frame)


@dataclass(frozen=True, slots=True)
class _RestOf:
    """Goes on with a coroutine whose first step was driven by hand and ended in `waits_for`."""

    sending: Coroutine[Any, Any, None]
    waits_for: Any

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self.waits_for
        try:
            while True:
                try:
                    yield waits_for
                except BaseException as interruption:  # noqa: BLE001  # passed on whole: a time-out, or the end of the task
                    waits_for = self.sending.throw(interruption)
                else:
                    waits_for = self.sending.send(None)
        except StopIteration:
            return
