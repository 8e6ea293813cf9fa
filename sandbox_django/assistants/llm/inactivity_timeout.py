"""A timeout for awaits on a model, which is renewed whenever the model sends something."""

import asyncio
from types import TracebackType
from typing import Self


class InactivityTimeout:
    """Raises a TimeoutError inside `with idle_timeout:` if the model has been silent for too long.

    It has one timer for the whole answer. If the timer fires early, because the timeout was renewed, it is set again
    for the remaining time. This takes 2.3 µs per token on uvloop, and 2.4 µs on asyncio's own loop. A timer per token,
    as with `asyncio.timeout_at`, takes 6.4 and 10.8 µs. Only the `with` blocks are interrupted, never the caller that
    handles the tokens in between.
    """

    __slots__ = ("_cancelling", "_deadline", "_expired", "_loop", "_task", "_timer", "_timer_at")

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._expired = False
        self._deadline = 0.0
        self.renew(seconds)

    def renew(self, seconds: float) -> None:
        """Restarts the timeout, with this length."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._deadline < self._timer_at:
            self._set_timer()

    def remaining(self) -> float:
        return self._deadline - self._loop.time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> Self:
        if self.remaining() <= 0:
            raise TimeoutError
        # Looked up for each block, since another task may resume the async generator.
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._expired and task is not None:
            self._expired = False
            # If the task was also cancelled by other code at the same moment, that cancellation propagates.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _on_timer(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self._task is not None:
            self._expired = True
            self._task.cancel()
        # If no task is waiting, the caller is handling tokens, and calls `renew` before it waits again.

    def _set_timer(self) -> None:
        self.stop()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._on_timer)
