"""Channel layers that carry events, hints and text chunks to the hubs: one in memory, and one over Redis.

A layer may lose a message. Feeds then read the lost event from the log (docs/decisions/0006-feeds.md).
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import structlog
from channels.layers import InMemoryChannelLayer, get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from live.metrics import counts
from live.redis_pool import connection_options, redis_pool
from runtime import jobs
from runtime.per_loop import PerLoop

logger = structlog.get_logger(__name__)

LayerMessage: TypeAlias = dict[str, Any]

# The exceptions of a channel layer that can't be reached.
LAYER_DOWN = (OSError, RedisError)


REPEAT_LOG_AFTER = 10.0  # seconds


class Outage:
    """Logs an outage of the layer with one line at its start, one line per ten seconds, and one line at its end."""

    def __init__(self) -> None:
        self.failures = 0
        self._started_at = self._logged_at = 0.0

    def failed(self, failure: Exception) -> None:
        """Counts a failure, and logs it unless a failure was logged in the last ten seconds."""
        counts.layer_failures += 1
        now = time.monotonic()
        if not self.failures:
            self._started_at = now
        self.failures += 1
        if self.failures == 1 or now - self._logged_at >= REPEAT_LOG_AFTER:
            self._logged_at = now
            logger.warning("live_layer_down", error=type(failure).__name__, failures=self.failures)

    def recovered(self) -> None:
        if self.failures:
            seconds = round(time.monotonic() - self._started_at, 1)
            logger.warning("live_layer_back", seconds=seconds, failures=self.failures)
            self.failures = 0


class LiveLayer(Protocol):
    """The methods of a channel layer that the live core uses."""

    outage: Outage  # records failed sends and subscriptions

    async def new_channel(self, prefix: str = ...) -> str: ...
    async def receive(self, channel: str) -> LayerMessage: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: LayerMessage) -> None: ...
    async def group_send_many(self, messages: Iterable[tuple[str, LayerMessage]]) -> None: ...


def live_layer() -> LiveLayer:
    return cast("LiveLayer", get_channel_layer())


class MemoryLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels publishes no types
    """Channels' in-memory layer without its scans for expired members, and without copies of messages.

    The scans took 150 ms of CPU time per message to 1,000 sockets. No channel expires here, because a channel belongs
    to a hub, and a hub lives as long as its process.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.outage = Outage()

    def _clean_expired(self) -> None:
        """Does nothing. Channels' method checks every member of every group, and removes members older than a day."""

    async def group_send(self, group: str, message: LayerMessage) -> None:
        for channel in tuple(self.groups.get(group, ())):
            queue = self.channels.setdefault(channel, asyncio.Queue(maxsize=self.get_capacity(channel)))
            try:
                # Not copied, because no receiver changes a message.
                queue.put_nowait((time.time() + self.expiry, message))
            except asyncio.QueueFull:
                continue  # dropped; subscribers detect the gap in the sequence numbers

    async def group_send_many(self, messages: Iterable[tuple[str, LayerMessage]]) -> None:
        for group, message in messages:
            await self.group_send(group, message)


class RedisLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # channels_redis publishes no types
    """A Redis pub/sub layer that sends many messages in one round trip."""

    def __init__(self, *, hosts: Sequence[str], **config: Any) -> None:
        super().__init__(hosts=[connection_options(host) for host in hosts], **config)
        self.outage = Outage()
        self._clients = PerLoop(lambda: Redis(connection_pool=redis_pool(hosts[0], max_connections=16, timeout=20)))

    async def group_send(self, group: str, message: LayerMessage) -> None:
        await self.group_send_many([(group, message)])

    async def group_send_many(self, messages: Iterable[tuple[str, LayerMessage]]) -> None:
        async with self.connection().pipeline(transaction=False) as pipe:
            for group, message in messages:
                pipe.publish(*self.publish_args(group, message))
            await pipe.execute()

    def publish_args(self, group: str, message: LayerMessage) -> tuple[str, bytes]:
        """Returns the arguments of PUBLISH, for callers that publish in their own pipeline or script."""
        return self._get_layer()._get_group_channel_name(group), self.serialize(message)

    def connection(self) -> Redis:
        """Returns this event loop's Redis client for all commands except subscriptions.

        If all connections of its pool are in use, callers wait. The layer's own pool would raise, and messages would be
        lost.
        """
        return self._clients.current()

    async def close_connection(self) -> None:
        if client := self._clients.pop():
            await client.aclose(close_connection_pool=True)


@jobs.on_loop_close
async def close_redis() -> None:
    """Closes this loop's connections to Redis."""
    layer = live_layer()
    if isinstance(layer, RedisLayer):
        await layer.close_connection()
