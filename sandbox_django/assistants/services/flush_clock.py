"""The one clock by which a process reads what models say, and sends it on."""

import asyncio

from runtime.per_loop import PerLoop

INTERVAL = 0.05  # seconds


class FlushClock:
    """Wakes everybody who waits for it together, so many times a second; at rest when nobody does.

    What all readers of models take up at one beat goes out with one flush right after it. With a timer for each, a word
    would wait for its reader's and then for the flush's, and a process with 200 answers would be woken 4,000 times a
    second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._started_at = 0.0
        self._not_before: float | None = 0.0  # the next beat; None while those of this one have their turn

    async def next(self) -> None:
        """Wait for the next beat."""
        tick: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(tick)
        if len(self._waiting) == 1 and self._not_before is not None:
            self._loop.call_at(max(self._not_before, self._loop.time() + INTERVAL / 2), self._tick)
        await tick

    def _tick(self) -> None:
        self._started_at, self._not_before = self._loop.time(), None
        waiting, self._waiting = self._waiting, []
        for tick in waiting:
            if not tick.done():  # by somebody who stopped waiting
                tick.set_result(None)
        self._loop.call_soon(self._schedule_next)  # which comes after all of them

    def _schedule_next(self) -> None:
        now = self._loop.time()
        # A third of the time at most is theirs: what they read has to be sent, and requests are waiting, too.
        self._not_before = max(self._started_at + INTERVAL, now + 2 * (now - self._started_at))
        if self._waiting:
            self._loop.call_at(self._not_before, self._tick)


_clocks = PerLoop(FlushClock)


def current_flush_clock() -> FlushClock:
    """The pulse of this event loop; a server has one."""
    return _clocks.current()
