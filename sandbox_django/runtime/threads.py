"""The threads of a process: a pool for each kind of work, so that slow work never delays urgent work
(docs/decisions/0019-thread-pools.md).
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
# live threads that may open sockets; the remaining one serves leases and ends while a thousand sockets open
OPENING_THREADS = 2
COMPUTE_THREADS = 2
REQUEST_QUEUE = 2_000  # enough for every open page at once, after a restart
COMPUTE_QUEUE = 32  # at 0.25 s for a password, the last one waits for 4 s
CLOSE_SECONDS = 5.0  # seconds for the threads of a pool to close their connections


class Work(StrEnum):
    """The kinds of work. The value is the pool's name in metrics."""

    REQUESTS = "requests"  # views; their statements have a time limit
    COMPUTE = "compute"  # views that hash a password or render a long text; the same limit
    LIVE = "live"  # leases, claims and ends of answers, sockets, feeds: never kept waiting by a view
    BACKGROUND = "background"  # cleanup, which may take minutes
    RENDERING = "rendering"  # the Markdown of answers; uses no database


class Pool(ThreadPoolExecutor):
    """Threads that share a queue. Each keeps its own database connections as long as it lives."""

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
        """Closes the connections of all threads and ends them. A thread that hangs is left behind."""
        barrier = threading.Barrier(self._count)  # makes each thread run this exactly once
        wait([self.submit(_close_connections, barrier) for _ in range(self._count)], timeout=CLOSE_SECONDS + 1)
        self.shutdown(wait=False, cancel_futures=True)


def _close_connections(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):  # another thread hangs
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
    """Returns whether the pool's queue is full. Calls that belong to a request in progress are always accepted."""
    return work in _pools and _pools[work].is_full


def queue_lengths() -> dict[Work, int]:
    """Returns the number of waiting calls of each pool."""
    return {work: _pools[work].waiting if work in _pools else 0 for work in Work}


def end_threads() -> None:
    """Ends all pools, when the process stops or after a test with threads."""
    while _pools:
        _pools.popitem()[1].end()


async def in_pool(work: Work, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function` on a thread of the pool, without checking its connection.

    It runs in the thread's own context instead of a copy of the caller's, because Django's connections belong to a
    context: in a copy, each call would open new ones.
    """
    if not database_threads():
        # Tests use their own thread, which holds their transaction; without pools Channels' thread is used.
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    call = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(work), call)


async def in_database_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which queries the database, on a live thread; a dead connection is replaced first."""
    return await _in_pool_with_connections(Work.LIVE, functools.partial(function, *args, **kwargs))


async def in_background_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which may query the database for a long time, on a thread that no request waits for."""
    return await _in_pool_with_connections(Work.BACKGROUND, functools.partial(function, *args, **kwargs))


async def in_rendering_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function`, which computes without queries, on a thread that has no connection."""
    return await in_pool(Work.RENDERING, function, *args, **kwargs)


async def _in_pool_with_connections(work: Work, call: Callable[[], T]) -> T:
    if database_threads() is None:  # Channels opens and closes connections in its own thread, by Django's settings
        return cast("T", await database_sync_to_async(call)())
    return await in_pool(work, _with_live_connections, call)


def _with_live_connections(function: Callable[[], T]) -> T:
    drop_dead_connections()
    return function()


def drop_dead_connections() -> None:
    """Closes connections that the database has dropped, so that the next query reconnects instead of failing.

    If the server has closed its end, an idle socket becomes readable, which takes microseconds to check. Django's own
    health check sends a query each time.
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
    """Runs many small calls in few thread hand-offs: after a deploy, a thousand reconnecting sockets queue here."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `in_database_thread`, but may share its thread hand-off with other calls."""
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
            # Not in a callback, which runs a moment later: calls in that moment would wait for a batch that has ended.
            self._workers.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_SIZE, len(self._waiting)))]
            results: list[tuple[Any, Exception | None]]
            try:
                results = await in_database_thread(_run_calls, [call for call, _ in batch])
            except Exception as lost:  # noqa: BLE001  # raised again at each call, which would wait forever otherwise
                results = [(None, lost)] * len(batch)
            for (_, result), (value, failure) in zip(batch, results, strict=True):
                if result.cancelled():
                    continue
                if failure is not None:
                    result.set_exception(failure)
                else:
                    result.set_result(value)


class _Batch(threading.local):
    """The cache that the calls of this thread's batch share; None outside a batch."""

    results: dict[Hashable, Any] | None = None


_batch = _Batch()


def once_per_batch(key: Hashable, compute: Callable[[], T]) -> T:
    """Returns `compute()`, once for all calls of a batch. This is safe because all of them were waiting before the
    batch began.
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
            except Exception as failure:  # noqa: BLE001  # not handled here: raised again where the call was made
                results.append((None, failure))
    finally:
        _batch.results = None
    return results
