"""How long we wait for a model."""

import asyncio
from types import TracebackType
from typing import Self


class InactivityTimeout:
    """Ends an await made inside `with idle_timeout:` with a TimeoutError once the model has been silent for too long.

    `asyncio.timeout` would set a timer per token, which costs more than reading the token does. Here is one timer for
    the whole answer: when it rings it looks at the clock, and is set again for what is left. It only interrupts the
    `with` blocks, never whoever is handed the tokens in between, however long they take.
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
        """Something came: from now on, wait this long."""
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
        # Asked each time: an async generator may be resumed by another task than before.
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
            # Somebody else may have cancelled the task in the same moment; then theirs goes on.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _on_timer(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self._task is not None:
            self._expired = True
            self._task.cancel()
        # Else nobody waits for the model: somebody is busy with its tokens, and will `renew` when they come back.

    def _set_timer(self) -> None:
        self.stop()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._on_timer)
