"""Measures many sockets on one feed: how soon has every socket received an event, and how much do the sockets cost?"""

import asyncio
import json
import time
from collections.abc import Sequence

from benchmarks.clients import Client, Place
from benchmarks.load import Result, Sizes, Target, each
from benchmarks.process_metrics import spread
from benchmarks.sockets import Socket

OPENING_AT_ONCE = 50
WARM_UP = 50  # these sockets are opened first and aren't measured
MISSED = 5  # the number of events while all sockets are disconnected
SETTLE_SECONDS = 1.5  # seconds; a socket checks its feed's head again after one
PAUSE = 0.1  # seconds between two events
TIMEOUT = 30.0


class Listeners:
    """Many sockets that receive the same events. In this class, these are changes of one conversation's title."""

    words = "title"  # the field that identifies an event
    is_rewritten = True  # a replay shows the current title in every frame, because older titles leave the log

    def __init__(self, target: Target, client: Client, places: Sequence[Place]) -> None:
        self._target = target
        self._client = client
        self._places = places
        self._marker = b"\n"  # no frame contains this
        self._missing = 0
        self._last_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.sockets: list[Socket] = []
        self.sent: list[str] = []  # the texts of all events so far

    async def open(self, count: int, *, at_once: int, since: int | None = None) -> None:
        async def one(place: Place) -> Socket:
            path = place.socket if since is None else f"{place.socket}?since={since}"
            return await Socket.open(self._target.url, path, self._receive, token=place.token)

        self.sockets = await each(self._places[:count], one, at_once=at_once)

    async def send_event(self) -> None:
        self.sent.append(f"Event {len(self.sent):05}")
        await self.trigger(self._client, self._places[0], self.sent[-1])

    async def trigger(self, client: Client, place: Place, words: str) -> None:
        await client.rename(place, words)

    def replayed(self, sent: list[str]) -> list[str]:
        """Returns the texts that a socket receives for these events if it has missed them."""
        return [self.sent[-1]] * len(sent) if self.is_rewritten else sent

    def next_words(self) -> str:
        return f"Event {len(self.sent):05}"

    def expect(self, words: str, *, times: int) -> None:
        self._marker, self._missing = f'"{self.words}":"{words}"'.encode(), times
        self._last_at = asyncio.get_running_loop().create_future()

    async def last_arrival(self) -> float:
        """Returns the time when the last expected frame arrived."""
        async with asyncio.timeout(TIMEOUT):
            return await self._last_at

    def drop(self) -> None:
        for socket in self.sockets:
            socket.drop()
        self.sockets = []

    def _receive(self, socket: Socket, when: float, frame: bytes) -> None:
        if self._marker in frame:
            self._missing -= 1
            if self._missing == 0:
                self._last_at.set_result(when)


async def measure(target: Target, sizes: Sizes) -> Result:
    async with target.client() as client:
        places = [await client.own_conversation()] * sizes.sockets
        return await measure_listeners(Listeners(target, client, places), target, sizes)


async def measure_listeners(listeners: Listeners, target: Target, sizes: Sizes) -> Result:
    result = Result()
    metrics = target.metrics()
    await listeners.open(WARM_UP, at_once=OPENING_AT_ONCE)
    await listeners.send_event()
    listeners.drop()
    await asyncio.sleep(SETTLE_SECONDS)

    memory, cpu = metrics.memory(), metrics.cpu()
    await listeners.open(sizes.sockets, at_once=OPENING_AT_ONCE)
    cpu_to_open = metrics.cpu() - cpu
    await asyncio.sleep(SETTLE_SECONDS)
    memory = metrics.memory() - memory

    latencies = []
    cpu, sent_before = metrics.cpu(), len(listeners.sent)
    for _ in range(sizes.events):
        listeners.expect(listeners.next_words(), times=sizes.sockets)
        started_at = time.monotonic()
        last, _ = await asyncio.gather(listeners.last_arrival(), listeners.send_event())
        latencies.append((last - started_at) * 1000)
        await asyncio.sleep(PAUSE)
    cpu = metrics.cpu() - cpu
    result.problems += wrong_sockets(listeners, listeners.sent[sent_before:])

    result.figures = {
        "last socket has it, ms": spread(latencies),
        "CPU µs per frame": [cpu * 1e6 / (sizes.sockets * sizes.events)],
        "KB per idle socket": [memory / sizes.sockets],
        "CPU ms to open a socket": [cpu_to_open * 1000 / sizes.sockets],
        "all back with what they missed, s": [await reconnect(listeners, result, is_bare=target.is_bare)],
        "memory, MB": [metrics.memory() / 1024],
    }
    return result


async def reconnect(listeners: Listeners, result: Result, *, is_bare: bool) -> float:
    """Disconnects all sockets at once, publishes events, and reconnects all sockets at once. Returns the seconds until
    all have caught up.
    """
    count = len(listeners.sockets)
    since = None if is_bare else newest_number(listeners.sockets[0])
    listeners.drop()
    if is_bare:  # the bare server stores no events to replay
        started_at = time.monotonic()
        await listeners.open(count, at_once=count)
        return time.monotonic() - started_at
    missed = len(listeners.sent)
    for _ in range(MISSED):
        await listeners.send_event()
    replayed = listeners.replayed(listeners.sent[missed:])
    started_at = time.monotonic()
    listeners.expect(replayed[-1], times=count * replayed.count(replayed[-1]))
    last, _ = await asyncio.gather(listeners.last_arrival(), listeners.open(count, at_once=count, since=since))
    result.problems += wrong_sockets(listeners, replayed)
    return last - started_at


def newest_number(socket: Socket) -> int:
    numbers = [message["seq"] for _, frame in socket.frames if "seq" in (message := json.loads(frame))]
    return int(numbers[-1])


def wrong_sockets(listeners: Listeners, sent: list[str]) -> list[str]:
    """Returns a problem for each socket that has not received all events once, in order, and numbered without gaps."""
    problems = []
    for index, socket in enumerate(listeners.sockets):
        messages = [json.loads(frame) for _, frame in socket.frames]
        received = [message for message in messages if message["payload"].get(listeners.words)]
        seqs = [message["seq"] for message in received if "seq" in message]
        if [message["payload"][listeners.words] for message in received] != sent:
            problems.append(f"socket {index} heard {len(received)} of {len(sent)} events, or in another order")
        elif seqs != list(range(seqs[0], seqs[0] + len(seqs))) if seqs else False:
            problems.append(f"socket {index} heard numbers {seqs}")
    return problems
