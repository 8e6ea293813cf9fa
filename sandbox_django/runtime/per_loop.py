"""Keeps separate state for each event loop, since loops can't share futures, locks and connections."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from runtime import jobs

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Keeps one value for each event loop. It is created on first use, and deleted with its loop."""

    def __init__(self, create: Callable[[], T]) -> None:
        self._create = create
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def current(self) -> T:
        """Returns the running loop's value."""
        loop = asyncio.get_running_loop()
        try:
            return self._values[loop]
        except KeyError:
            value = self._values[loop] = self._create()
            return value

    def pop(self) -> T | None:
        """Removes the running loop's value and returns it; None if there is none."""
        return self._values.pop(asyncio.get_running_loop(), None)


class SharedRun(Generic[T]):
    """A coroutine function whose concurrent callers in one loop share one run."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._runs: PerLoop[list[asyncio.Task[T]]] = PerLoop(list)

    async def __call__(self) -> T:
        """Returns the result of the current or of a new run. If a caller is cancelled, the run goes on."""
        runs = self._runs.current()
        if not runs or runs[0].done():
            runs[:] = [jobs.spawn(self._work())]
        return await asyncio.shield(runs[0])
