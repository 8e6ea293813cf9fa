"""An event loop with a virtual clock, which jumps to the next timer: half a minute takes no time, in a repeatable
order.

There are no threads. Database work runs in the loop, with a wait before and after it whose length the test chooses. So
everything that can happen during a thread hand-off can happen here too, but in an order that can be repeated.
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
    """Runs a coroutine to its end, and cancels the tasks that it leaves.

    `handoffs` are the seconds of each way to the database and back; when they are used up, the ways take no time.
    """
    connection = connections[DEFAULT_DB_ALIAS]

    async def with_database() -> T:
        # Django keeps a connection for each asyncio context. Here all contexts share the test's own.
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
        # Django's check isn't needed: there is only the test's thread, and the loop is meant to wait for the database.
        mock.patch.dict("os.environ", {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"}),
    ):
        yield
