"""A clock at whose ticks a process collects the new text of its streams and sends it."""

import asyncio

from runtime.per_loop import PerLoop

INTERVAL = 0.05  # seconds


class FlushClock:
    """Wakes all waiting tasks together, at most 20 times a second. It has no timer while no task waits.

    At each tick, all readers collect their new text, and one flush right after the tick sends it. With a timer for each
    stream, a word would wait for its reader's timer and then for the timer of the flush, and a process with 200 streams
    would wake up 4,000 times a second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._started_at = 0.0
        self._not_before: float | None = 0.0  # earliest time of the next tick; None while woken tasks run

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
            if not tick.done():  # it is done if the waiting task was cancelled
                tick.set_result(None)
        self._loop.call_soon(self._schedule_next)  # runs after all woken tasks

    def _schedule_next(self) -> None:
        now = self._loop.time()
        # The woken tasks get at most a third of the time. The rest is for sending their text and for requests.
        self._not_before = max(self._started_at + INTERVAL, now + 2 * (now - self._started_at))
        if self._waiting:
            self._loop.call_at(self._not_before, self._tick)


_clocks = PerLoop(FlushClock)


def current_flush_clock() -> FlushClock:
    """Returns the clock of this event loop; a server has one."""
    return _clocks.current()
