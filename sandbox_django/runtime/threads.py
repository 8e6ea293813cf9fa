"""Runs each kind of work in a separate thread pool, so that slow work never delays urgent work.

See docs/decisions/0019-thread-pools.md.
"""

import asyncio
import functools
import select
import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import connections

from runtime import jobs
from runtime.conf import database_threads
from runtime.database import limit_statements

P = ParamSpec("P")
T = TypeVar("T")

LIVE_THREADS = 3
# Live threads that may open sockets at a time. While a thousand sockets open, the third thread renews leases and stores
# ends of answers.
OPENING_THREADS = 2
COMPUTE_THREADS = 2
REQUEST_QUEUE = 2_000  # enough for the requests of all open pages after a restart
COMPUTE_QUEUE = 32  # with 0.25 s per password and two threads, the last call waits 4 s
CLOSE_SECONDS = 5.0  # seconds in which the threads of a pool close their connections


class Work(StrEnum):
    """The kinds of work. Each value is the name of a pool in the metrics."""

    REQUESTS = "requests"  # views; their statements have a time limit
    COMPUTE = "compute"  # views that hash a password or render a long text; their statements have a time limit
    LIVE = "live"  # leases, claims and ends of answers, sockets, feeds; never delayed by a view
    BACKGROUND = "background"  # cleanup, which may take minutes
    RENDERING = "rendering"  # the Markdown of answers; uses no database


class Pool(ThreadPoolExecutor):
    """A thread pool whose threads each keep their own database connections until they end."""

    def __init__(
        self, work: Work, threads: int, *, queue_size: int | None = None, initializer: Callable[[], None] | None = None
    ) -> None:
        super().__init__(threads, thread_name_prefix=work, initializer=initializer)
        self._count = threads
        self._queue_size = queue_size

    @property
    def waiting(self) -> int:
        """The number of calls that no thread has started yet."""
        return self._work_queue.qsize()

    @property
    def is_full(self) -> bool:
        return self._queue_size is not None and self.waiting >= self._queue_size

    def end(self) -> None:
        """Closes the connections of all threads and ends the threads, except those that hang."""
        barrier = threading.Barrier(self._count)  # makes each thread run the function exactly once
        wait([self.submit(_close_connections, barrier) for _ in range(self._count)], timeout=CLOSE_SECONDS + 1)
        self.shutdown(wait=False, cancel_futures=True)


def _close_connections(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):  # raised if another thread hangs
        barrier.wait(CLOSE_SECONDS)
    connections.close_all()


_pools: dict[Work, Pool] = {}


def _pool(work: Work) -> Pool:
    if work not in _pools:
        _pools[work] = _new_pool(work)
    return _pools[work]


def _new_pool(work: Work) -> Pool:
    match work:
        case Work.REQUESTS:
            return Pool(work, settings.DATABASE_THREADS, queue_size=REQUEST_QUEUE, initializer=limit_statements)
        case Work.COMPUTE:
            return Pool(work, COMPUTE_THREADS, queue_size=COMPUTE_QUEUE, initializer=limit_statements)
        case Work.LIVE:
            return Pool(work, LIVE_THREADS)
        case Work.BACKGROUND | Work.RENDERING:
            return Pool(work, 1)


def is_full(work: Work) -> bool:
    """Returns whether the pool's queue is full, so that new requests are refused. The pool itself accepts all calls."""
    return work in _pools and _pools[work].is_full


def queue_lengths() -> dict[Work, int]:
    """Returns the number of waiting calls of each pool."""
    return {work: _pools[work].waiting if work in _pools else 0 for work in Work}


def end_threads() -> None:
    """Ends all pools. Called when the process stops, and after tests with threads."""
    while _pools:
        _pools.popitem()[1].end()


async def in_pool(work: Work, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function` in a thread of the pool, without checking the thread's database connection.

    The function runs in the thread's own context, because Django's connections belong to a context. In a copy of the
    caller's context, each call would open new connections.
    """
    if not database_threads():
        # Tests use the thread that holds their transaction. Projects without pools use Channels' thread.
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(work), call)


async def in_database_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which queries the database, in a thread of the live pool, after replacing dead connections."""
    return await _in_pool_with_connections(Work.LIVE, functools.partial(function, *args, **kwargs))


async def in_background_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which may query the database for a long time, in a thread of the background pool."""
    return await _in_pool_with_connections(Work.BACKGROUND, functools.partial(function, *args, **kwargs))


async def in_rendering_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which must not query the database, in a thread of the rendering pool."""
    return await in_pool(Work.RENDERING, function, *args, **kwargs)


async def _in_pool_with_connections(work: Work, call: Callable[[], T]) -> T:
    if database_threads() is None:  # Channels uses its own thread, and closes old connections
        return cast("T", await database_sync_to_async(call)())
    return await in_pool(work, _with_live_connections, call)


def _with_live_connections(function: Callable[[], T]) -> T:
    drop_dead_connections()
    return function()


def drop_dead_connections() -> None:
    """Closes connections that the database server has closed, so that the next query reconnects.

    An idle socket becomes readable when the server closes the connection. Checking this takes microseconds, while
    Django's own health check sends a query.
    """
    for database in connections.all(initialized_only=True):
        if database.vendor == "postgresql" and not database.in_atomic_block and _is_dead(database.connection):
            database.close()


def _is_dead(connection: Any) -> bool:
    if connection is None:
        return False
    if connection.closed:
        return True  # no socket to check
    sockets = select.poll()
    sockets.register(connection.fileno(), select.POLLIN)
    return bool(sockets.poll(0))


BATCH_SIZE = 20  # calls; a larger batch would occupy a thread for too long


class ThreadBatcher:
    """Runs many small calls in few thread hand-offs, as when a thousand sockets reconnect after a deploy."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `function` like `in_database_thread`, but other calls may share the thread hand-off."""
        if not database_threads():
            return await in_database_thread(function, *args, **kwargs)
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((functools.partial(function, *args, **kwargs), result))
        if len(self._workers) < OPENING_THREADS:
            self._workers.add(jobs.spawn(self._run_worker()))
        return await result

    async def _run_worker(self) -> None:
        try:
            await self._drain()
        finally:
            # Removed here and not in a done callback, which runs a little later. Calls in between would count on this
            # worker, which has already ended.
            self._workers.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_SIZE, len(self._waiting)))]
            results: list[tuple[Any, Exception | None]]
            try:
                results = await in_database_thread(_run_calls, [call for call, _ in batch])
            except Exception as lost:  # noqa: BLE001  # raised again in each caller, which would otherwise wait for ever
                results = [(None, lost)] * len(batch)
            for (_, result), (value, failure) in zip(batch, results, strict=True):
                if result.cancelled():
                    continue
                if failure is not None:
                    result.set_exception(failure)
                else:
                    result.set_result(value)


class _Batch(threading.local):
    """The cache that all calls of the current thread's batch share. `results` is None outside a batch."""

    results: dict[Hashable, Any] | None = None


_batch = _Batch()


def once_per_batch(key: Hashable, compute: Callable[[], T]) -> T:
    """Returns the result of `compute`, which is called once per batch and key.

    Sharing the result is safe, because all calls of a batch were made before the batch began.
    """
    if _batch.results is None:
        return compute()
    if key not in _batch.results:
        _batch.results[key] = compute()
    return cast("T", _batch.results[key])


def _run_calls(calls: list[Callable[[], Any]]) -> list[tuple[Any, Exception | None]]:
    results: list[tuple[Any, Exception | None]] = []
    _batch.results = {}
    try:
        for call in calls:
            try:
                results.append((call(), None))
            except Exception as failure:  # noqa: BLE001  # raised again in the caller
                results.append((None, failure))
    finally:
        _batch.results = None
    return results
