"""The parameters and results of all loads, and the helpers that they share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import aiohttp

from benchmarks.clients import BareClient, Client, SandboxClient
from benchmarks.process_metrics import ProcessMetrics

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The parameters that set the size of each load."""

    answers: int
    tokens: int
    rate: float
    spread: float  # seconds over which the questions are spread
    sockets: int
    events: int
    pages: int
    messages: int  # posted once a second
    writers: tuple[int, ...]
    writes: int  # the total for each number of writers


@dataclass(frozen=True, slots=True)
class Target:
    """A running server with its workers."""

    url: str
    pids: Sequence[int]
    redis_url: str = ""
    is_bare: bool = False

    def metrics(self) -> ProcessMetrics:
        return ProcessMetrics(self.pids, self.redis_url)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        # Clients keep no cookies, since each conversation stands for another visitor.
        cookies = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=cookies) as http:
            yield BareClient(self.url, http) if self.is_bare else SandboxClient(self.url, http)


@dataclass(slots=True)
class Result:
    """Measurements by name. Each has the values p50 and p95, or one value. `problems` describes broken guarantees."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def each(items: Iterable[Item], call: Callable[[Item], Awaitable[Made]], *, at_once: int) -> list[Made]:
    """Calls `call` for each item, at most `at_once` at a time. Returns the results in the order of the items."""
    limit = asyncio.Semaphore(at_once)

    async def limited(item: Item) -> Made:
        async with limit:
            return await call(item)

    return await asyncio.gather(*map(limited, items))
