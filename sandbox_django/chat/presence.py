"""Who has a room open now.

Told as a hint and forgotten by itself: with Redis each process notes its own readers for less than a minute, and notes
them again while they stay. Without Redis there is one process, which knows them all.
"""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import structlog

from chat.groups import room_feed
from chat.messages.chat import Presence, PresencePayload
from live import hints
from live.layers import LAYER_DOWN, RedisLayer, live_layer
from runtime import jobs
from runtime.per_loop import PerLoop

logger = structlog.get_logger(__name__)

REFRESH_SECONDS = 15
KEEP_SECONDS = 45  # a process that says nothing for so long is gone, and so are its readers
PATIENCE = 0.3  # seconds: who comes and goes within them is told together
AT_MOST = 100  # people that are named


@dataclass(frozen=True, slots=True)
class Visit:
    """One open page of a room."""

    room_id: int
    user_id: int


class Lobby:
    """The readers of one event loop, and what it last told about whom."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._here: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._gone: defaultdict[int, set[int]] = defaultdict(set)
        self._told: dict[int, list[int]] = {}
        self._to_tell: set[int] = set()

    def come(self, visit: Visit) -> None:
        self._here[visit.room_id][visit.user_id] += 1
        self._gone[visit.room_id].discard(visit.user_id)
        self._told.pop(visit.room_id, None)  # whoever comes has to be told in any case
        self._tell_soon(visit.room_id)

    def go(self, visit: Visit) -> None:
        here = self._here[visit.room_id]
        here[visit.user_id] -= 1
        if here[visit.user_id] <= 0:
            del here[visit.user_id]
            self._gone[visit.room_id].add(visit.user_id)
            self._tell_soon(visit.room_id)

    async def refresh(self) -> None:
        for room_id in list(self._here):
            try:
                await self.tell(room_id)
            except Exception:  # the other rooms have to be refreshed, or their readers are forgotten
                logger.exception("presence_not_told", room=room_id)

    def _tell_soon(self, room_id: int) -> None:
        if room_id not in self._to_tell:
            self._to_tell.add(room_id)
            asyncio.get_running_loop().call_later(PATIENCE, partial(jobs.start, self.tell, room_id))

    async def tell(self, room_id: int) -> None:
        """Tell the room who is in it, if that is news."""
        self._to_tell.discard(room_id)
        layer = live_layer()
        try:
            people = await self._exchange(room_id, layer) if isinstance(layer, RedisLayer) else self._here[room_id]
        except LAYER_DOWN as failure:
            layer.outage.failed(failure)
            return
        user_ids = sorted(people)
        if user_ids != self._told.get(room_id):
            self._told[room_id] = user_ids
            payload = PresencePayload(count=len(user_ids), user_ids=user_ids[:AT_MOST])
            hints.send(room_feed(room_id), "presence", Presence(payload=payload))
        if not self._here[room_id]:
            del self._here[room_id]
            self._told.pop(room_id, None)

    async def _exchange(self, room_id: int, layer: RedisLayer) -> set[int]:
        """Note who is here in this process, and read who is in all of them."""
        key, now = f"sandbox:presence:{room_id}", time.time()
        here, gone = list(self._here[room_id]), self._gone.pop(room_id, set())
        async with layer.connection().pipeline(transaction=False) as pipe:
            if gone:
                pipe.zrem(key, *[f"{user_id}.{self._name}" for user_id in gone])
            if here:
                pipe.zadd(key, {f"{user_id}.{self._name}": now + KEEP_SECONDS for user_id in here})
                pipe.expire(key, KEEP_SECONDS)
            pipe.zremrangebyscore(key, "-inf", now)
            pipe.zrange(key, 0, -1)
            entries = (await pipe.execute())[-1]
        return {int(bytes(entry).partition(b".")[0]) for entry in entries}


_lobbies = PerLoop(Lobby)


def current_lobby() -> Lobby:
    return _lobbies.current()


def come(room_id: int, user_id: int) -> Visit:
    """Somebody has opened a room; give what this returns to `go` when they close it."""
    visit = Visit(room_id, user_id)
    current_lobby().come(visit)
    return visit


def go(visit: Visit) -> None:
    current_lobby().go(visit)
