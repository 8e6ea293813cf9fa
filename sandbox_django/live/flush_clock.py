"""The clock at whose ticks a process collects the new text of its streams and sends it."""

import asyncio

from runtime.per_loop import PerLoop

INTERVAL = 0.05  # seconds


class FlushClock:
    """Wakes all waiting tasks together, 20 times a second at most. It doesn't run while nothing waits.

    The text that all readers collect at one tick is sent by one flush right after it. With a timer for each stream, a
    word would wait for its reader's timer and then for the flush's, and a process with 200 streams would wake up 4,000
    times a second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._started_at = 0.0
        self._not_before: float | None = 0.0  # the next tick; None while the tasks of this one run

    async def next(self) -> None:
        """Waits for the next tick."""
        tick: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(tick)
        if len(self._waiting) == 1 and self._not_before is not None:
            self._loop.call_at(max(self._not_before, self._loop.time() + INTERVAL / 2), self._tick)
        await tick

    def _tick(self) -> None:
        self._started_at, self._not_before = self._loop.time(), None
        waiting, self._waiting = self._waiting, []
        for tick in waiting:
            if not tick.done():  # a cancelled waiter
                tick.set_result(None)
        self._loop.call_soon(self._schedule_next)  # runs after all of them

    def _schedule_next(self) -> None:
        now = self._loop.time()
        # The tasks get a third of the time at most: what they read has to be sent, and requests are waiting.
        self._not_before = max(self._started_at + INTERVAL, now + 2 * (now - self._started_at))
        if self._waiting:
            self._loop.call_at(self._not_before, self._tick)


_clocks = PerLoop(FlushClock)


def current_flush_clock() -> FlushClock:
    """Returns the clock of this event loop; a server has one."""
    return _clocks.current()
