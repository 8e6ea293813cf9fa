"""Many sockets on one feed: how soon does the last one have an event, and what do the sockets take?"""

import asyncio
import json
import time

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


class Room:
    """All sockets of one conversation."""

    def __init__(self, target: Target, door: Door, place: Place) -> None:
        self._target = target
        self._door = door
        self._place = place
        self._marker = b"\n"  # in no frame
        self._missing = 0
        self._last_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.sockets: list[Socket] = []
        self.titles: list[str] = []  # of all events so far

    async def open(self, count: int, *, at_once: int, since: int | None = None) -> None:
        path = self._place.socket if since is None else f"{self._place.socket}?since={since}"

        async def one(_: int) -> Socket:
            return await Socket.open(self._target.url, path, self._hear, token=self._place.token)

        self.sockets = await each(range(count), one, at_once=at_once)

    async def tell(self) -> None:
        self.titles.append(f"Event {len(self.titles):05}")
        await self._door.rename(self._place, self.titles[-1])

    def expect(self, title: str, *, times: int) -> None:
        self._marker, self._missing = f'"{title}"'.encode(), times
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
    result = Result()
    gauges = target.gauges()
    async with target.door() as door:
        room = Room(target, door, await door.own_conversation())
        await room.open(WARM_UP, at_once=OPENING_AT_ONCE)
        await room.tell()
        room.drop()
        await asyncio.sleep(SETTLE_SECONDS)

        memory, cpu = gauges.memory(), gauges.cpu()
        await room.open(sizes.sockets, at_once=OPENING_AT_ONCE)
        cpu_to_open = gauges.cpu() - cpu
        await asyncio.sleep(SETTLE_SECONDS)
        memory = gauges.memory() - memory

        latencies = []
        cpu, told_before = gauges.cpu(), len(room.titles)
        for _ in range(sizes.events):
            room.expect(f"Event {len(room.titles):05}", times=sizes.sockets)
            began = time.monotonic()
            last, _ = await asyncio.gather(room.last_has_it(), room.tell())
            latencies.append((last - began) * 1000)
            await asyncio.sleep(PAUSE)
        cpu = gauges.cpu() - cpu
        result.problems += not_heard_exactly(room, room.titles[told_before:])

        result.figures = {
            "last socket has it, ms": spread(latencies),
            "CPU µs per frame": [cpu * 1e6 / (sizes.sockets * sizes.events)],
            "KB per idle socket": [memory / sizes.sockets],
            "CPU ms to open a socket": [cpu_to_open * 1000 / sizes.sockets],
            "all back with what they missed, s": [await reconnect(room, result, is_bare=target.is_bare)],
            "memory, MB": [gauges.memory() / 1024],
        }
    return result


async def reconnect(room: Room, result: Result, *, is_bare: bool) -> float:
    """Everybody is cut off at once, misses some events, and comes back at once."""
    count = len(room.sockets)
    since = None if is_bare else int(json.loads(room.sockets[0].frames[-1][1])["seq"])
    room.drop()
    if is_bare:  # which keeps nothing for those who were away
        began = time.monotonic()
        await room.open(count, at_once=count)
        return time.monotonic() - began
    missed = len(room.titles)
    for _ in range(MISSED):
        await room.tell()
    began = time.monotonic()
    room.expect(room.titles[-1], times=count)
    last, _ = await asyncio.gather(room.last_has_it(), room.open(count, at_once=count, since=since))
    result.problems += not_heard_exactly(room, room.titles[missed:])
    return last - began


def not_heard_exactly(room: Room, titles: list[str]) -> list[str]:
    """Which sockets did not hear these events, all of them, in order, once, and numbered without a gap."""
    problems = []
    for index, socket in enumerate(room.sockets):
        messages = [json.loads(frame) for _, frame in socket.frames]
        heard = [message for message in messages if message["action"] == "conversation_updated"]
        seqs = [message["seq"] for message in heard if "seq" in message]
        if [message["payload"]["title"] for message in heard] != titles:
            problems.append(f"socket {index} heard {len(heard)} of {len(titles)} events, or in another order")
        elif seqs != list(range(seqs[0], seqs[0] + len(seqs))) if seqs else False:
            problems.append(f"socket {index} heard numbers {seqs}")
    return problems
