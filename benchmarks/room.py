"""Many sockets on one feed: how soon does the last one have an event, and what do the sockets take?"""

import asyncio
import json
import time
from collections.abc import Sequence

from benchmarks.doors import Door, Place
from benchmarks.gauges import spread
from benchmarks.load import Result, Sizes, Target, each
from benchmarks.sockets import Socket

OPENING_AT_ONCE = 50
WARM_UP = 50  # sockets nobody counts
MISSED = 5  # events that happen while everybody is away
SETTLE_SECONDS = 1.5  # a joined feed is looked at again after a second
PAUSE = 0.1  # seconds between two events
PATIENCE = 30.0


class Listeners:
    """Many sockets that hear the same: here all of one conversation, each time it gets another title."""

    words = "title"  # the field of a frame that says which event it is
    is_rewritten = True  # a replay shows the current title in every frame, because older titles leave the log

    def __init__(self, target: Target, door: Door, places: Sequence[Place]) -> None:
        self._target = target
        self._door = door
        self._places = places
        self._marker = b"\n"  # in no frame
        self._missing = 0
        self._last_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.sockets: list[Socket] = []
        self.told: list[str] = []  # the words of all events so far

    async def open(self, count: int, *, at_once: int, since: int | None = None) -> None:
        async def one(place: Place) -> Socket:
            path = place.socket if since is None else f"{place.socket}?since={since}"
            return await Socket.open(self._target.url, path, self._hear, token=place.token)

        self.sockets = await each(self._places[:count], one, at_once=at_once)

    async def tell(self) -> None:
        self.told.append(f"Event {len(self.told):05}")
        await self.cause(self._door, self._places[0], self.told[-1])

    async def cause(self, door: Door, place: Place, words: str) -> None:
        await door.rename(place, words)

    def replayed(self, told: list[str]) -> list[str]:
        """The words of these events as a socket that missed them receives them."""
        return [self.told[-1]] * len(told) if self.is_rewritten else told

    def next_words(self) -> str:
        return f"Event {len(self.told):05}"

    def expect(self, words: str, *, times: int) -> None:
        self._marker, self._missing = f'"{self.words}":"{words}"'.encode(), times
        self._last_at = asyncio.get_running_loop().create_future()

    async def last_has_it(self) -> float:
        """When the last of the expected frames arrived."""
        async with asyncio.timeout(PATIENCE):
            return await self._last_at

    def drop(self) -> None:
        for socket in self.sockets:
            socket.drop()
        self.sockets = []

    def _hear(self, socket: Socket, when: float, frame: bytes) -> None:
        if self._marker in frame:
            self._missing -= 1
            if self._missing == 0:
                self._last_at.set_result(when)


async def measure(target: Target, sizes: Sizes) -> Result:
    async with target.door() as door:
        places = [await door.own_conversation()] * sizes.sockets
        return await measure_listeners(Listeners(target, door, places), target, sizes)


async def measure_listeners(listeners: Listeners, target: Target, sizes: Sizes) -> Result:
    result = Result()
    gauges = target.gauges()
    await listeners.open(WARM_UP, at_once=OPENING_AT_ONCE)
    await listeners.tell()
    listeners.drop()
    await asyncio.sleep(SETTLE_SECONDS)

    memory, cpu = gauges.memory(), gauges.cpu()
    await listeners.open(sizes.sockets, at_once=OPENING_AT_ONCE)
    cpu_to_open = gauges.cpu() - cpu
    await asyncio.sleep(SETTLE_SECONDS)
    memory = gauges.memory() - memory

    latencies = []
    cpu, told_before = gauges.cpu(), len(listeners.told)
    for _ in range(sizes.events):
        listeners.expect(listeners.next_words(), times=sizes.sockets)
        began = time.monotonic()
        last, _ = await asyncio.gather(listeners.last_has_it(), listeners.tell())
        latencies.append((last - began) * 1000)
        await asyncio.sleep(PAUSE)
    cpu = gauges.cpu() - cpu
    result.problems += not_heard_exactly(listeners, listeners.told[told_before:])

    result.figures = {
        "last socket has it, ms": spread(latencies),
        "CPU µs per frame": [cpu * 1e6 / (sizes.sockets * sizes.events)],
        "KB per idle socket": [memory / sizes.sockets],
        "CPU ms to open a socket": [cpu_to_open * 1000 / sizes.sockets],
        "all back with what they missed, s": [await reconnect(listeners, result, is_bare=target.is_bare)],
        "memory, MB": [gauges.memory() / 1024],
    }
    return result


async def reconnect(listeners: Listeners, result: Result, *, is_bare: bool) -> float:
    """Everybody is cut off at once, misses some events, and comes back at once."""
    count = len(listeners.sockets)
    since = None if is_bare else newest_number(listeners.sockets[0])
    listeners.drop()
    if is_bare:  # which keeps nothing for those who were away
        began = time.monotonic()
        await listeners.open(count, at_once=count)
        return time.monotonic() - began
    missed = len(listeners.told)
    for _ in range(MISSED):
        await listeners.tell()
    replayed = listeners.replayed(listeners.told[missed:])
    began = time.monotonic()
    listeners.expect(replayed[-1], times=count * replayed.count(replayed[-1]))
    last, _ = await asyncio.gather(listeners.last_has_it(), listeners.open(count, at_once=count, since=since))
    result.problems += not_heard_exactly(listeners, replayed)
    return last - began


def newest_number(socket: Socket) -> int:
    numbers = [message["seq"] for _, frame in socket.frames if "seq" in (message := json.loads(frame))]
    return int(numbers[-1])


def not_heard_exactly(listeners: Listeners, told: list[str]) -> list[str]:
    """Which sockets did not hear these events, all of them, in order, once, and numbered without a gap."""
    problems = []
    for index, socket in enumerate(listeners.sockets):
        messages = [json.loads(frame) for _, frame in socket.frames]
        heard = [message for message in messages if message["payload"].get(listeners.words)]
        seqs = [message["seq"] for message in heard if "seq" in message]
        if [message["payload"][listeners.words] for message in heard] != told:
            problems.append(f"socket {index} heard {len(heard)} of {len(told)} events, or in another order")
        elif seqs != list(range(seqs[0], seqs[0] + len(seqs))) if seqs else False:
            problems.append(f"socket {index} heard numbers {seqs}")
    return problems
