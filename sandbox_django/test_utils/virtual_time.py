"""An event loop with a virtual clock that jumps to the next timer.

A test that waits for thirty seconds ends at once, and its callbacks always run in the same order. There are no threads:
database work runs in the loop, and the test chooses how long the loop waits before and after it. So a test can repeat
every order of events that a thread hand-off allows.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar
from unittest import mock

from django.db import DEFAULT_DB_ALIAS, connections

from runtime import threads

T = TypeVar("T")


class VirtualClockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.now


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing will happen"
            self._loop.now += timeout
        return ready


def run(main: Coroutine[Any, Any, T], *, handoffs: Iterable[float] = ()) -> T:
    """Runs a coroutine to its end, and cancels the tasks that are still running.

    `handoffs` are the delays in seconds before and after each piece of database work, in turn. When they are used up,
    the delays are 0.
    """
    connection = connections[DEFAULT_DB_ALIAS]

    async def with_database() -> T:
        # Django keeps one connection for each asyncio context. Here every context uses the test's own connection.
        connections[DEFAULT_DB_ALIAS] = connection
        with _database_in_the_loop(handoffs):
            return await main

    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(with_database())


@contextmanager
def _database_in_the_loop(handoffs: Iterable[float]) -> Iterator[None]:
    delays = iter(handoffs)
    context = copy_context()

    async def in_pool(work: threads.Work, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        await asyncio.sleep(next(delays, 0))
        try:
            return context.run(function, *args, **kwargs)
        finally:
            await asyncio.sleep(next(delays, 0))

    with (
        mock.patch.object(threads, "in_pool", in_pool),
        # Disables Django's check, since the loop is meant to wait for the database: the test has only one thread.
        mock.patch.dict("os.environ", {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"}),
    ):
        yield
