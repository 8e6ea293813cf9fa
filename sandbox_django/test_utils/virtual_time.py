"""An event loop whose clock jumps to whatever comes next: half a minute takes no time, and goes the same way each time.

There are no threads in it. What asks the database does so in the loop, after and before a wait as long as the test
likes: so everything that can happen during a hop to a thread happens there, but in an order that can be repeated.
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
    """Run a coroutine to its end, and cancel what it leaves behind.

    `handoffs` are the seconds that each way to the database, and each way back, takes; when they are used up, none.
    """
    connection = connections[DEFAULT_DB_ALIAS]

    async def with_database() -> T:
        # Django keeps a connection for each asyncio context. Here all share the test's own.
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
        # There is one thread, and it is the test's: that the loop waits for the database is what we want.
        mock.patch.dict("os.environ", {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"}),
    ):
        yield
