"""The few lasting threads on which all database work is done, for requests, sockets and answers alike."""

import asyncio
import functools
import select
import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from core import runner

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads(ThreadPoolExecutor):
    """So many threads, each with connections of its own that live as long as it does."""

    def __init__(self, count: int) -> None:
        super().__init__(count, thread_name_prefix="database")
        self._count = count

    def end(self) -> None:
        """Let every thread close its connections, and end it."""
        everyone = threading.Barrier(self._count)  # so that none of them does it twice, and another not at all
        for _ in range(self._count):
            self.submit(_close_connections, everyone)
        self.shutdown()


def _close_connections(everyone: threading.Barrier) -> None:
    everyone.wait()
    connections.close_all()


@functools.cache
def _threads() -> DatabaseThreads:
    return DatabaseThreads(settings.DATABASE_THREADS)


def end_threads() -> None:
    """At the end of the process, or of a test that had threads."""
    _threads().end()
    _threads.cache_clear()


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` on a database thread as it is: one hop, no look at the connection.

    It runs in the thread's own context, not in a copy of the caller's. What Django keeps there, such as the connections
    of its cache, then lasts as long as the thread; in a copy it would be made anew for every call.
    """
    if settings.DATABASE_THREADS == 0:
        # The test's own thread, which holds the test's transaction.
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


async def in_database_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function`, which asks the database, on a database thread; a connection that died is replaced first."""
    return await in_thread(_with_live_connections, functools.partial(function, *args, **kwargs))


def _with_live_connections(function: Callable[[], T]) -> T:
    drop_dead_connections()
    return function()


def drop_dead_connections() -> None:
    """Close what the database has left, so that the next query connects anew instead of failing.

    A server that went away has closed the socket, and an idle socket with something to read is one of those. That is
    seen in microseconds; Django's own health check asks the server each time.
    """
    for database in connections.all(initialized_only=True):
        if database.vendor == "postgresql" and not database.in_atomic_block and _is_dead(database.connection):
            database.close()


def _is_dead(connection: Any) -> bool:
    if connection is None:
        return False
    if connection.closed:
        return True  # and has no socket that could be asked
    sockets = select.poll()
    sockets.register(connection.fileno(), select.POLLIN)
    return bool(sockets.poll(0))


SHARED_HOP_SIZE = 20  # calls; more would keep one thread from everybody else for too long


class SharedHops:
    """Many small calls at once, on few hops: a thousand sockets that come back after a deploy queue here."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._hops: set[asyncio.Task[None]] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `in_database_thread`, perhaps together with others'."""
        if settings.DATABASE_THREADS == 0:
            return await in_database_thread(function, *args, **kwargs)
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((functools.partial(function, *args, **kwargs), result))
        # Half of the threads at most, so that a storm of sockets leaves requests their share.
        if len(self._hops) < max(1, settings.DATABASE_THREADS // 2):
            self._hops.add(runner.spawn(self._work()))
        return await result

    async def _work(self) -> None:
        try:
            await self._work_off()
        finally:
            # Not by a callback, which comes a moment later: whoever asks in that moment would be left to a hop that
            # has ended.
            self._hops.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _work_off(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(SHARED_HOP_SIZE, len(self._waiting)))]
            outcomes = await in_database_thread(_outcomes, [call for call, _ in batch])
            for (_, result), (value, failure) in zip(batch, outcomes, strict=True):
                if result.cancelled():
                    continue
                if failure is not None:
                    result.set_exception(failure)
                else:
                    result.set_result(value)


class _Hop(threading.local):
    """The shared hop that this thread is on, by what its calls have found out; None when it is on none."""

    found: dict[Hashable, Any] | None = None


_hop = _Hop()


def once_per_hop(key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` gives; calls that share a hop ask only once. All of them were waiting before it began."""
    if _hop.found is None:
        return ask()
    if key not in _hop.found:
        _hop.found[key] = ask()
    return cast("T", _hop.found[key])


def _outcomes(calls: list[Callable[[], Any]]) -> list[tuple[Any, Exception | None]]:
    outcomes: list[tuple[Any, Exception | None]] = []
    _hop.found = {}
    try:
        for call in calls:
            try:
                outcomes.append((call(), None))
            except Exception as failure:  # noqa: BLE001  # not handled here: raised again where the call was made
                outcomes.append((None, failure))
    finally:
        _hop.found = None
    return outcomes
