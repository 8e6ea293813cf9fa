"""Small writes of one kind that come close together, done as one: a hop and a transaction for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from runtime import jobs
from runtime.per_loop import PerLoop

Item = TypeVar("Item")
Result = TypeVar("Result")

# The database can't do it for anybody just now: to try each item alone would only take longer.
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError)
SIZE = 5  # items; more would keep one thread, and the feeds they lock, for too long


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    result: "asyncio.Future[Result]"


@dataclass(slots=True)
class _Queue(Generic[Item, Result]):
    """What waits in one event loop."""

    waiting: list[_Waiting[Item, Result]] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = 0.0


class Batcher(Generic[Item, Result]):
    """Does items by `work`, which takes a batch of them: all or, when it raises, none.

    Who comes alone is done at once. Those who come within `pause` seconds after that wait for the rest of it, unless
    they are enough for a batch, and are done together. An item that can't be done fails alone.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, pause: float) -> None:
        self._work = work
        self._pause = pause
        self._queues: PerLoop[_Queue[Item, Result]] = PerLoop(_Queue)

    async def submit(self, item: Item) -> Result:
        """Its result; or raises what `work` raised because of it."""
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
                    # Whoever stops waiting leaves it to the others.
                    await asyncio.shield(jobs.spawn(self._run(batch)))
            return await entry.result
        finally:
            entry.result.cancel()  # unless it is there
            if entry in queue.waiting:
                queue.waiting.remove(entry)

    async def _run(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._work([entry.item for entry in batch])
        except Exception as failure:  # noqa: BLE001  # not handled here: raised again where the item came from
            if len(batch) > 1 and not isinstance(failure, UNAVAILABLE_ERRORS):
                for entry in batch:
                    await self._run([entry])
                return
            for entry in batch:
                if not entry.result.done():
                    entry.result.set_exception(failure)
            return
        for entry, result in zip(batch, results, strict=True):
            if not entry.result.done():  # who waited for it may have gone
                entry.result.set_result(result)
