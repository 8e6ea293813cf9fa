"""Runs jobs in the server's event loop, or in a background loop in processes without a server (commands, the shell).

Jobs for workers are queued by `core/queue.py`. Tests without a server run jobs inline.
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

STOP_SECONDS = 8.0  # seconds in which a stopping process cancels the remaining jobs and closes connections
CLOSE_TIMEOUT = 3.0  # seconds in which the background loop finishes its jobs and closes its connections

_server_loop: asyncio.AbstractEventLoop | None = None
_jobs: set[asyncio.Task[Any]] = set()  # asyncio itself keeps only weak references
_closers: list[Callable[[], Coroutine[Any, Any, None]]] = []


def set_server_loop() -> None:
    """Registers the running loop as the server's loop.

    Called at lifespan startup and, since not every server supports lifespan, when a socket is opened.
    """
    global _server_loop
    _server_loop = asyncio.get_running_loop()


def clear_server_loop() -> None:
    global _server_loop
    _server_loop = None


def spawn(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Creates a task that may outlive its caller. The caller must keep a reference to the task.

    The task gets an empty context. With the context of the caller, the task's log lines would contain the request or
    socket that started it, and asgiref would reserve a thread for it: 200 concurrent answers turned 4 threads into 104.
    """
    return asyncio.get_running_loop().create_task(work, context=_new_context())


def _new_context() -> Context:
    if database_threads() != 0:
        return Context()
    # In tests, asgiref finds the thread of the test's transaction through the context. Without this context, a task of
    # a request in an async test would deadlock, because the task and that thread would wait for each other.
    context = copy_context()
    context.run(structlog.contextvars.clear_contextvars)
    return context


def start(job: Callable[P, Coroutine[Any, Any, Any]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Starts a coroutine function from any thread, without waiting. In a process without a server, it waits."""
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
    """Runs a coroutine function in the server's or background loop, and waits for it. Call it in other threads."""
    call = partial(job, *args, **kwargs)
    if _server_loop is not None and not _server_loop.is_closed():
        return _run_in(_server_loop, call)
    return _run_without_server(call)


async def finish(job: Callable[..., Coroutine[Any, Any, Any]], *args: Any, request_id: str) -> None:
    """Starts a job like `start` and waits until it ends, for workers. `drain` may cancel the job."""
    await asyncio.wait([_start(partial(job, *args), request_id)])


async def drain(grace: float) -> int:
    """Waits up to `grace` seconds for this loop's jobs; cancels the remaining jobs and returns their number."""
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
    """Registers a coroutine function that closes connections. It is called in each loop before the loop ends."""
    _closers.append(closer)
    return closer


async def close_connections() -> None:
    """Closes all connections of this loop; waits at most a second for each kind."""
    for closer in _closers:
        try:
            async with asyncio.timeout(1):
                await closer()
        except Exception as failure:  # noqa: BLE001  # the other connections must still be closed
            logger.warning("connection_not_closed", closer=name_of(closer), error=type(failure).__name__)


def exit_within(seconds: float) -> None:
    """Makes this process end after `seconds`, even if a query, a Redis call or a thread hangs."""

    def force_exit() -> None:
        time.sleep(seconds)
        logger.error("stop_forced", after=seconds)
        sys.stderr.flush()
        os._exit(1)

    # A daemon thread doesn't keep the process running if the process stops in time.
    threading.Thread(target=force_exit, name="exit", daemon=True).start()


def name_of(job: Callable[..., Any]) -> str:
    """Returns the name of a job for the log: `task_prune`, `_put(task_handle_new_assistant_message)`."""
    args: tuple[Any, ...] = ()
    while isinstance(job, partial):
        args, job = job.args + args, job.func
    name = str(getattr(job, "__qualname__", type(job).__name__))
    return f"{name}({name_of(args[0])})" if args and callable(args[0]) else name


async def _in_request(job: Callable[[], Coroutine[Any, Any, Any]], request_id: str | None) -> None:
    """Runs the job with the id of the request that started it in its log lines."""
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
    # Tasks that the job starts inherit this empty context: see `spawn`.
    return Context().run(asyncio.run_coroutine_threadsafe, job(), loop).result()


def _run_without_server(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    if database_threads() == 0:
        # In tests, the job runs on the thread that holds the test's transaction. asgiref creates a loop unless an async
        # test is waiting.
        is_in_loop_of_test = getattr(SyncToAsync.threadlocal, "main_event_loop", None) is not None
        return async_to_sync(job if is_in_loop_of_test else partial(_run_and_close, job))()
    return _run_in(_background.loop(), job)


async def _run_and_close(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return await job()
    finally:
        await close_connections()


class _BackgroundLoop:
    """An event loop in its own thread, for all jobs of a process without a server.

    With a new loop for each job, a command that deleted 4,000 conversations opened 4,000 connections to Redis.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            # A forked process inherits this object, but not its thread.
            if self._loop is None or self._pid != os.getpid():
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
            return  # jobs that hang are ended with the process
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_TIMEOUT)
        loop.close()


async def _drain_and_close() -> None:
    await drain(CLOSE_TIMEOUT / 3)
    await close_connections()


_background = _BackgroundLoop()
