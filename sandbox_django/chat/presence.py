"""Tracks which users have a room open now, and sends this to the room's pages as a hint (an unnumbered frame).

With Redis, each process stores the users of its own open pages there. These entries expire after less than a minute, so
each process renews its entries while its pages are open. Without Redis there is only one process, which knows all
users.
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
KEEP_SECONDS = 45  # entries that their process doesn't renew expire after this time
DEBOUNCE_SECONDS = 0.3  # joins and leaves within this time are published together
MAX_LISTED = 100  # at most this many users are listed by name


@dataclass(frozen=True, slots=True)
class PresenceEntry:
    """One open page of a room."""

    room_id: int
    user_id: int


class PresenceTracker:
    """Knows the open pages of one event loop, and which presence it last published for each room."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._present: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._left: defaultdict[int, set[int]] = defaultdict(set)
        self._published: dict[int, list[int]] = {}
        self._scheduled: set[int] = set()

    def join(self, entry: PresenceEntry) -> None:
        self._present[entry.room_id][entry.user_id] += 1
        self._left[entry.room_id].discard(entry.user_id)
        self._published.pop(entry.room_id, None)  # publish even if the users are the same: the new page needs them
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
            except Exception:  # continue, or the presence in the other rooms would expire
                logger.exception("presence_not_published", room=room_id)

    def _schedule_publish(self, room_id: int) -> None:
        if room_id not in self._scheduled:
            self._scheduled.add(room_id)
            asyncio.get_running_loop().call_later(DEBOUNCE_SECONDS, partial(jobs.start, self.publish, room_id))

    async def publish(self, room_id: int) -> None:
        """Publishes which users have the room open, if this has changed."""
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
        """Stores the users of this process in Redis, and returns the users of all processes."""
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
    """Registers an open page of a room. The caller passes the result to `leave` when the page closes."""
    entry = PresenceEntry(room_id, user_id)
    current_tracker().join(entry)
    return entry


def leave(entry: PresenceEntry) -> None:
    current_tracker().leave(entry)
