"""Where a job runs: in the server's own event loop, or inline where there is none (test client, shell, commands).

Jobs for workers of their own go through `core/queue.py`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog
from asgiref.sync import async_to_sync

P = ParamSpec("P")
T = TypeVar("T")

logger = structlog.get_logger(__name__)

_server_loop: asyncio.AbstractEventLoop | None = None
_jobs: set[asyncio.Task[Any]] = set()  # asyncio itself keeps only weak references


def remember_server_loop() -> None:
    """Called by the server in its loop: at lifespan start, and with each connection for servers without lifespan."""
    global _server_loop
    _server_loop = asyncio.get_running_loop()


def forget_server_loop() -> None:
    global _server_loop
    _server_loop = None


def start(job: Callable[P, Coroutine[Any, Any, Any]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run a coroutine function, from any thread, without waiting for it (inline: until it is done)."""
    named_job = _named(partial(job, *args, **kwargs), structlog.contextvars.get_contextvars().get("request_id"))
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        _spawn(loop, named_job)
        return
    if _server_loop is not None and not _server_loop.is_closed():
        _server_loop.call_soon_threadsafe(_spawn, _server_loop, named_job)
    else:
        async_to_sync(named_job)()


def run(job: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a coroutine function in the server's loop (inline where there is none), from a thread that waits for it."""
    if _server_loop is not None and not _server_loop.is_closed():
        return asyncio.run_coroutine_threadsafe(job(*args, **kwargs), _server_loop).result()
    return async_to_sync(job)(*args, **kwargs)


async def finish(job: Callable[..., Coroutine[Any, Any, Any]], *args: Any, request_id: str) -> None:
    """Like `start`, for a worker: returns when the job is done, or `drain` has cut it short."""
    await asyncio.wait([_spawn(asyncio.get_running_loop(), _named(partial(job, *args), request_id))])


async def drain(patience: float) -> int:
    """Wait so many seconds for the running jobs, then cancel what is left; returns how many that were."""
    if not _jobs:
        return 0
    _, left = await asyncio.wait(set(_jobs), timeout=patience)
    for job in left:
        job.cancel()
    if left:
        await asyncio.wait(left, timeout=5)
    return len(left)


def _named(
    job: Callable[[], Coroutine[Any, Any, Any]], request_id: str | None
) -> Callable[[], Coroutine[Any, Any, None]]:
    """The job, whose log lines say which request it came from."""

    async def named_job() -> None:
        if request_id:
            structlog.contextvars.bind_contextvars(request_id=request_id)
        await job()

    return named_job


def _spawn(loop: asyncio.AbstractEventLoop, job: Callable[[], Coroutine[Any, Any, None]]) -> "asyncio.Task[None]":
    # An own, empty context. With the request's, asgiref would pin a thread to each job for as long as it runs:
    # 200 answers at once grew 4 threads to 104.
    task = loop.create_task(job(), context=Context())
    _jobs.add(task)
    task.add_done_callback(_done)
    return task


def _done(task: asyncio.Task[Any]) -> None:
    _jobs.discard(task)
    if not task.cancelled() and (failure := task.exception()):
        logger.error("job_failed", exc_info=failure)
