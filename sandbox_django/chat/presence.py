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
DEBOUNCE_SECONDS = 0.3  # seconds: who comes and goes within them is told together
MAX_LISTED = 100  # people that are named


@dataclass(frozen=True, slots=True)
class PresenceEntry:
    """One open page of a room."""

    room_id: int
    user_id: int


class PresenceTracker:
    """The readers of one event loop, and what it last told about whom."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._present: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._left: defaultdict[int, set[int]] = defaultdict(set)
        self._published: dict[int, list[int]] = {}
        self._scheduled: set[int] = set()

    def join(self, entry: PresenceEntry) -> None:
        self._present[entry.room_id][entry.user_id] += 1
        self._left[entry.room_id].discard(entry.user_id)
        self._published.pop(entry.room_id, None)  # whoever comes has to be told in any case
        self._schedule_publish(entry.room_id)

    def leave(self, entry: PresenceEntry) -> None:
        present = self._present[entry.room_id]
        present[entry.user_id] -= 1
        if present[entry.user_id] <= 0:
            del present[entry.user_id]
            self._left[entry.room_id].add(entry.user_id)
            self._schedule_publish(entry.room_id)

    async def refresh(self) -> None:
        for room_id in list(self._present):
            try:
                await self.publish(room_id)
            except Exception:  # the other rooms have to be refreshed, or their readers are forgotten
                logger.exception("presence_not_told", room=room_id)

    def _schedule_publish(self, room_id: int) -> None:
        if room_id not in self._scheduled:
            self._scheduled.add(room_id)
            asyncio.get_running_loop().call_later(DEBOUNCE_SECONDS, partial(jobs.start, self.publish, room_id))

    async def publish(self, room_id: int) -> None:
        """Tell the room who is in it, if that is news."""
        self._scheduled.discard(room_id)
        layer = live_layer()
        try:
            users = await self._exchange(room_id, layer) if isinstance(layer, RedisLayer) else self._present[room_id]
        except LAYER_DOWN as failure:
            layer.outage.failed(failure)
            return
        user_ids = sorted(users)
        if user_ids != self._published.get(room_id):
            self._published[room_id] = user_ids
            payload = PresencePayload(count=len(user_ids), user_ids=user_ids[:MAX_LISTED])
            hints.send(room_feed(room_id), "presence", Presence(payload=payload))
        if not self._present[room_id]:
            del self._present[room_id]
            self._published.pop(room_id, None)

    async def _exchange(self, room_id: int, layer: RedisLayer) -> set[int]:
        """Note who is here in this process, and read who is in all of them."""
        key, now = f"sandbox:presence:{room_id}", time.time()
        present, left = list(self._present[room_id]), self._left.pop(room_id, set())
        async with layer.connection().pipeline(transaction=False) as pipe:
            if left:
                pipe.zrem(key, *[f"{user_id}.{self._name}" for user_id in left])
            if present:
                pipe.zadd(key, {f"{user_id}.{self._name}": now + KEEP_SECONDS for user_id in present})
                pipe.expire(key, KEEP_SECONDS)
            pipe.zremrangebyscore(key, "-inf", now)
            pipe.zrange(key, 0, -1)
            entries = (await pipe.execute())[-1]
        return {int(bytes(entry).partition(b".")[0]) for entry in entries}


_trackers = PerLoop(PresenceTracker)


def current_tracker() -> PresenceTracker:
    return _trackers.current()


def join(room_id: int, user_id: int) -> PresenceEntry:
    """Somebody has opened a room; give what this returns to `leave` when they close it."""
    entry = PresenceEntry(room_id, user_id)
    current_tracker().join(entry)
    return entry


def leave(entry: PresenceEntry) -> None:
    current_tracker().leave(entry)
