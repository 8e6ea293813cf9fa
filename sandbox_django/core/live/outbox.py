"""The way out to one browser, which may be slow."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from django.conf import settings

from core.metrics import counts

logger = structlog.get_logger(__name__)

Send: TypeAlias = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]

MAX_WAITING = 6000  # frames: a whole replay, and what comes meanwhile; who is further behind comes back for the rest

# What a server raises when the browser is gone. Its disconnect is on the way.
GONE = (OSError, RuntimeError)


class Outbox:
    """Sends frames in order and never makes the caller wait.

    Nearly every send is done in its first step, because the kernel takes the bytes at once. So that step is driven by
    hand; only a send that has to wait gets a task, and later frames queue behind it.
    """

    __slots__ = ("_give_up", "_giving_up", "_send", "_sending", "_waiting")

    def __init__(self, send: Send, give_up: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._send = send
        self._give_up = give_up  # called once when the browser doesn't read any more
        self._giving_up: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._waiting: deque[str] | None = None  # made when needed: most sockets never need one

    def put(self, frame: str) -> None:
        counts.frames_sent += 1
        if self._sending is not None:
            if self._waiting is None:
                self._waiting = deque()
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(frame)
            elif self._giving_up is None and not self._sending.done():
                self._sending.cancel()
                self._giving_up = asyncio.create_task(self._give_up())
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

    async def _finish(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            async with asyncio.timeout(settings.SLOW_CLIENT_TIMEOUT):
                await _RestOf(sending, waits_for)
            while self._waiting:
                async with asyncio.timeout(settings.SLOW_CLIENT_TIMEOUT):
                    await self._send({"type": "websocket.send", "text": self._waiting.popleft()})
        except TimeoutError:
            await self._give_up()
            return  # `_sending` stays: nothing more goes out
        except GONE:
            return
        self._sending = None

    async def flush(self) -> None:
        """Wait until all that was put is out, or the browser is given up."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    def forget(self) -> None:
        """Send nothing more than the frame that is on its way."""
        if self._waiting is not None:
            self._waiting.clear()

    def close(self) -> None:
        """Send nothing more."""
        if self._sending is not None:
            self._sending.cancel()


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
