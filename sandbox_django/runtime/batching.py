"""Groups small writes that arrive together, so that they share a thread hand-off and a transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from runtime import jobs
from runtime.per_loop import PerLoop

Item = TypeVar("Item")
Result = TypeVar("Result")

# Errors that affect the whole database, so that retrying each item separately is useless.
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError)
SIZE = 5  # items; a larger batch would occupy a thread and lock its feeds for too long


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    result: "asyncio.Future[Result]"


@dataclass(slots=True)
class _Queue(Generic[Item, Result]):
    """The waiting items of one event loop."""

    waiting: list[_Waiting[Item, Result]] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = 0.0


class Batcher(Generic[Item, Result]):
    """Runs `work` on batches of items. `work` must store all items of a batch or, if it raises, no item.

    The first item runs immediately. Items that are submitted within `pause` seconds of it are grouped, up to SIZE. If a
    batch fails, each of its items is retried separately, so that only the caller of a failing item gets an error.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, pause: float) -> None:
        self._work = work
        self._pause = pause
        self._queues: PerLoop[_Queue[Item, Result]] = PerLoop(_Queue)

    async def submit(self, item: Item) -> Result:
        """Returns the item's result, or raises the exception that `work` raised for it."""
        loop = asyncio.get_running_loop()
        queue = self._queues.current()
        entry: _Waiting[Item, Result] = _Waiting(item, loop.create_future())
        queue.waiting.append(entry)
        try:
            async with queue.lock:
                while entry in queue.waiting:
                    if len(queue.waiting) < SIZE:
                        await asyncio.sleep(queue.not_before - loop.time())
                    queue.not_before = loop.time() + self._pause
                    batch, queue.waiting[:SIZE] = queue.waiting[:SIZE], []
                    # Shielded, because the batch also has items of other callers, which must be stored even if this
                    # caller is cancelled.
                    await asyncio.shield(jobs.spawn(self._run(batch)))
            return await entry.result
        finally:
            entry.result.cancel()  # has no effect if the result is set
            if entry in queue.waiting:
                queue.waiting.remove(entry)

    async def _run(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._work([entry.item for entry in batch])
        except Exception as failure:  # noqa: BLE001  # raised again in the caller that submitted the item
            if len(batch) > 1 and not isinstance(failure, UNAVAILABLE_ERRORS):
                for entry in batch:
                    await self._run([entry])
                return
            for entry in batch:
                if not entry.result.done():
                    entry.result.set_exception(failure)
            return
        for entry, result in zip(batch, results, strict=True):
            if not entry.result.done():  # done if its caller was cancelled
                entry.result.set_result(result)
