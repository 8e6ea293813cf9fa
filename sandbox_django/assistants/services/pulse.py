"""The one clock by which a process reads what models say, and sends it on."""

import asyncio

from runtime.per_loop import PerLoop

INTERVAL = 0.05  # seconds


class Pulse:
    """Wakes everybody who waits for it together, so many times a second; at rest when nobody does.

    What all readers of models take up at one beat goes out with one flush right after it. With a timer for each, a word
    would wait for its reader's and then for the flush's, and a process with 200 answers would be woken 4,000 times a
    second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._began = 0.0
        self._not_before: float | None = 0.0  # the next beat; None while those of this one have their turn

    async def next(self) -> None:
        """Wait for the next beat."""
        beat: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(beat)
        if len(self._waiting) == 1 and self._not_before is not None:
            self._loop.call_at(max(self._not_before, self._loop.time() + INTERVAL / 2), self._beat)
        await beat

    def _beat(self) -> None:
        self._began, self._not_before = self._loop.time(), None
        waiting, self._waiting = self._waiting, []
        for beat in waiting:
            if not beat.done():  # by somebody who stopped waiting
                beat.set_result(None)
        self._loop.call_soon(self._rest)  # which comes after all of them

    def _rest(self) -> None:
        now = self._loop.time()
        # A third of the time at most is theirs: what they read has to be sent, and requests are waiting, too.
        self._not_before = max(self._began + INTERVAL, now + 2 * (now - self._began))
        if self._waiting:
            self._loop.call_at(self._not_before, self._beat)


_pulses = PerLoop(Pulse)


def current_pulse() -> Pulse:
    """The pulse of this event loop; a server has one."""
    return _pulses.current()
