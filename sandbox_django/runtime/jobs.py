"""Where a job runs: in the server's event loop, or in this process's own background loop (commands, the shell).

Jobs for workers go through `core/queue.py`. Tests without a server run jobs inline.
"""

import asyncio
import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog
from asgiref.sync import SyncToAsync, async_to_sync

from runtime.conf import database_threads

P = ParamSpec("P")
T = TypeVar("T")

logger = structlog.get_logger(__name__)

STOP_SECONDS = 8.0  # that a process which stops has after its jobs, to cut off what is left and to close connections
CLOSE_TIMEOUT = 3.0  # seconds for the background loop to finish its jobs and close its connections

_server_loop: asyncio.AbstractEventLoop | None = None
_jobs: set[asyncio.Task[Any]] = set()  # asyncio itself keeps only weak references
_closers: list[Callable[[], Coroutine[Any, Any, None]]] = []


def set_server_loop() -> None:
    """Called by the server in its loop: at lifespan start, and with each connection for servers without lifespan."""
    global _server_loop
    _server_loop = asyncio.get_running_loop()


def clear_server_loop() -> None:
    global _server_loop
    _server_loop = None


def spawn(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Creates a task that outlives its caller; the caller of this function keeps the reference.

    The task gets an empty context. With the caller's, its log lines would name the request or socket that happened to
    start it, and asgiref would pin a thread to it: 200 answers at once grew 4 threads to 104.
    """
    return asyncio.get_running_loop().create_task(work, context=_new_context())


def _new_context() -> Context:
    if database_threads() != 0:
        return Context()
    # Tests: asgiref finds the thread that holds the test's transaction by the context. Without it, a task that works
    # for a request of an async test would wait for a thread that waits for the task.
    context = copy_context()
    context.run(structlog.contextvars.clear_contextvars)
    return context


def start(job: Callable[P, Coroutine[Any, Any, Any]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run a coroutine function, from any thread, without waiting for it (without a server: until it is done)."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    call = partial(job, *args, **kwargs)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        _start(call, request_id)
        return
    if _server_loop is not None and not _server_loop.is_closed():
        _server_loop.call_soon_threadsafe(_start, call, request_id)
    else:
        _run_without_server(partial(_in_request, call, request_id))


def run(job: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a coroutine function in the server's loop (or without a server), from a thread that waits for it."""
    call = partial(job, *args, **kwargs)
    if _server_loop is not None and not _server_loop.is_closed():
        return _run_in(_server_loop, call)
    return _run_without_server(call)


async def finish(job: Callable[..., Coroutine[Any, Any, Any]], *args: Any, request_id: str) -> None:
    """Like `start`, for a worker: returns when the job is done, or `drain` has cut it short."""
    await asyncio.wait([_start(partial(job, *args), request_id)])


async def drain(grace: float) -> int:
    """Wait so many seconds for the running jobs of this loop, then cancel the rest; returns how many that were."""
    jobs = {job for job in _jobs if job.get_loop() is asyncio.get_running_loop()}
    if not jobs:
        return 0
    _, left = await asyncio.wait(jobs, timeout=grace)
    for job in left:
        job.cancel()
    if left:
        await asyncio.wait(left, timeout=5)
    return len(left)


def on_loop_close(closer: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Decorates a coroutine function that closes what the running loop has open; called before a loop ends."""
    _closers.append(closer)
    return closer


async def close_connections() -> None:
    """Close everything that this loop has open; a server that hangs is not waited for."""
    for closer in _closers:
        try:
            async with asyncio.timeout(1):
                await closer()
        except Exception as failure:  # noqa: BLE001  # the process or the loop ends anyway, and the rest is to be closed
            logger.warning("connection_not_closed", closer=name_of(closer), error=type(failure).__name__)


def exit_within(seconds: float) -> None:
    """Ends this process after so many seconds, whatever hangs: a query, a Redis, a thread that never returns."""

    def force_exit() -> None:
        time.sleep(seconds)
        logger.error("stop_forced", after=seconds)
        sys.stderr.flush()
        os._exit(1)

    # A daemon thread: it ends with the process when that stops in time.
    threading.Thread(target=force_exit, name="exit", daemon=True).start()


def name_of(job: Callable[..., Any]) -> str:
    """The name of a job for the log: `task_prune`, `_put(task_handle_new_assistant_message)`."""
    args: tuple[Any, ...] = ()
    while isinstance(job, partial):
        args, job = job.args + args, job.func
    name = str(getattr(job, "__qualname__", type(job).__name__))
    return f"{name}({name_of(args[0])})" if args and callable(args[0]) else name


async def _in_request(job: Callable[[], Coroutine[Any, Any, Any]], request_id: str | None) -> None:
    """The job, whose log lines name the request it came from."""
    if request_id:
        structlog.contextvars.bind_contextvars(request_id=request_id)
    await job()


def _start(job: Callable[[], Coroutine[Any, Any, Any]], request_id: str | None) -> "asyncio.Task[None]":
    task = spawn(_in_request(job, request_id))
    _jobs.add(task)
    task.add_done_callback(partial(_on_done, name_of(job)))
    return task


def _on_done(name: str, task: asyncio.Task[Any]) -> None:
    _jobs.discard(task)
    if not task.cancelled() and (failure := task.exception()):
        logger.error("job_failed", job=name, exc_info=failure)


def _run_in(loop: asyncio.AbstractEventLoop, job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    # In an empty context, which what the job starts in the loop inherits: see `spawn`.
    return Context().run(asyncio.run_coroutine_threadsafe, job(), loop).result()


def _run_without_server(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    if database_threads() == 0:
        # Tests: in the thread that holds the test's transaction. asgiref makes a loop, unless an async test waits.
        is_in_loop_of_test = getattr(SyncToAsync.threadlocal, "main_event_loop", None) is not None
        return async_to_sync(job if is_in_loop_of_test else partial(_run_and_close, job))()
    return _run_in(_background.loop(), job)


async def _run_and_close(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return await job()
    finally:
        await close_connections()


class _BackgroundLoop:
    """One event loop for a process without a server, in a thread of its own.

    With a loop for each call, a command that deleted 4,000 conversations opened 4,000 connections to Redis.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():  # a forked process has the object, but no thread
                loop = self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                self._thread = threading.Thread(target=loop.run_forever, name="background loop", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            return self._loop

    def close(self) -> None:
        """Finishes the jobs and closes the connections of the loop, within CLOSE_TIMEOUT."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None or self._pid != os.getpid():
            return
        closing = asyncio.run_coroutine_threadsafe(_drain_and_close(), loop)
        try:
            closing.result(CLOSE_TIMEOUT)
        except TimeoutError:
            return  # whatever hangs ends with the process
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_TIMEOUT)
        loop.close()


async def _drain_and_close() -> None:
    await drain(CLOSE_TIMEOUT / 3)
    await close_connections()


_background = _BackgroundLoop()
