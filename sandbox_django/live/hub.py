"""The subscriptions of one process: one channel, whose messages go to the local feeds.

One channel per process, not one per socket or group: a message names its group, is decoded once, and reaches a socket
as ready text.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from django.db import Error

from live import feeds
from live.credentials import REVOKED_SESSIONS, ConnectionRegistry, auth_backend
from live.feeds import Event
from live.layers import LAYER_DOWN, LayerMessage, live_layer
from live.local_feed import REORDER_DELAY, LocalFeed, Subscriber
from live.text_chunk import TextChunk
from runtime import jobs
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

HEAD_CHECK_DELAYS = (0.0, 1.0)  # seconds after a feed was joined: Redis confirms a subscription late
# Every process listens here, to many messages for many groups in one: `bundle()`.
BUNDLES = "live.bundles"
SWEEP_INTERVAL = 25.0  # seconds: finds what was lost when nothing followed it
# Every process listens here: the layer was away, and what was told meanwhile is in the log only.
OUTAGES = "live.outages"
OUTAGE_CHECK_INTERVAL = 1.0  # seconds between two looks at whether it is back


class Hub:
    """All feeds of this process, over one channel of the layer."""

    def __init__(self) -> None:
        self.connections = ConnectionRegistry()
        self._layer = live_layer()
        self._channel: asyncio.Future[str] | None = None
        self._feeds: dict[str, LocalFeed] = {}
        self._listeners: dict[str, Callable[[Any], None]] = {}
        self._queued_head_checks: set[str] = set()
        self._sweep_task: asyncio.Task[None] | None = None
        self._outage_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, name: str, subscriber: Subscriber, head: int) -> LocalFeed:
        """Subscribe to a feed that was read up to `head`. The reader then `add`s itself, or leaves."""
        await self.listen(BUNDLES, self._dispatch_bundle)
        await self.listen(OUTAGES, self._on_outage_over)
        feed = self._feeds.get(name)
        if feed is None:
            feed = self._feeds[name] = LocalFeed(name, head)
            feed.subscription = jobs.spawn(self._subscribe(name))
            self._schedule_head_checks(name)
        feed.joining.add(subscriber)
        if feed.subscription is not None:
            try:
                await asyncio.shield(feed.subscription)
            except BaseException:  # whatever it was: the next one to come begins anew
                self.leave(feed, subscriber)
                raise
        return feed

    def leave(self, feed: LocalFeed, subscriber: Subscriber) -> None:
        feed.subscribers.discard(subscriber)
        feed.joining.discard(subscriber)
        if not feed.subscribers and not feed.joining and self._feeds.get(feed.name) is feed:
            del self._feeds[feed.name]
            feed.close()
            self._run(self._unsubscribe(feed.name))

    def subscribers(self, name: str) -> tuple[Subscriber, ...]:
        """The open sockets of this process that listen to a feed."""
        feed = self._feeds.get(name)
        return tuple(feed.subscribers) if feed is not None else ()

    def subscribers_by_kind(self) -> Counter[str]:
        """How many sockets are open, by the kind of what they listen to: `chat.room`."""
        by_class: Counter[str] = Counter()
        for feed in self._feeds.values():
            by_class[feed.name.rpartition(".")[0]] += len(feed.subscribers)
        return by_class

    async def listen(self, group: str, callback: Callable[[Any], None]) -> None:
        """Have `callback` called in this process with each `call`'s data, or each hint's frame, to a group."""
        if group not in self._listeners:
            self._listeners[group] = callback
            await self._subscribe(group)

    async def watch_revocations(self) -> None:
        """Called before rights are read: what ends from then on is heard of."""
        await self.listen(REVOKED_SESSIONS, self.connections.on_session_revoked)

    async def _subscribe(self, group: str) -> None:
        if self._sweep_task is None:
            self._sweep_task = jobs.spawn(self._sweep())
            self._outage_task = jobs.spawn(self._watch_outage())
        try:
            await self._layer.group_add(group, await self._own_channel())
        except LAYER_DOWN as failure:
            # Readers still get everything, only later: the sweep compares with the log, and subscribes again.
            self._layer.outage.failed(failure)
        else:
            if feed := self._feeds.get(group):
                feed.subscription = None

    async def _unsubscribe(self, group: str) -> None:
        if group in self._feeds:
            return  # somebody came back
        try:
            await self._layer.group_discard(group, await self._own_channel())
        except LAYER_DOWN:
            return  # a lost connection has no subscriptions

    async def _own_channel(self) -> str:
        if self._channel is None or (self._channel.done() and self._channel.exception() is not None):
            self._channel = jobs.spawn(self._open_channel())
        return await asyncio.shield(self._channel)

    async def _open_channel(self) -> str:
        channel = await self._layer.new_channel()
        self._run(self._receive(channel))
        return channel

    async def _receive(self, channel: str) -> None:
        while True:
            try:
                self._dispatch(await self._layer.receive(channel))
            except Exception:  # this loop serves every socket: one bad message must not end it
                logger.exception("live_message_failed")
                await asyncio.sleep(REORDER_DELAY)

    def _dispatch_bundle(self, messages: Sequence[LayerMessage]) -> None:
        for message in messages:
            try:
                self._dispatch(message)
            except Exception:  # the others in the bundle are for other feeds
                logger.exception("live_message_failed")

    def _dispatch(self, message: LayerMessage) -> None:
        group = message["group"]
        if listener := self._listeners.get(group):
            listener(message["data"] if message["type"] == "live.call" else message["frame"])
            return
        feed = self._feeds.get(group)
        if feed is None:
            return
        match message["type"]:
            case "live.text":
                feed.on_chunk(
                    TextChunk(
                        message["text_id"], message["after"], message["offset"], message["length"], message["frame"]
                    )
                )
            case "live.fact":
                feed.on_event(Event(message["seq"], message["frame"], message["text_id"], message["text_length"]))
            case "live.hint":
                for subscriber in tuple(feed.subscribers):
                    # One that was not sent the event before it may lose the right to see it by that event.
                    if message.get("after", 0) <= subscriber.seq:
                        subscriber.on_hint(message["frame"])
            case "live.recheck":
                for subscriber in tuple(feed.subscribers):
                    subscriber.on_reauthorize()

    def _schedule_head_checks(self, name: str) -> None:
        for delay in HEAD_CHECK_DELAYS:
            asyncio.get_running_loop().call_later(delay, self._queue_head_check, name)

    def _queue_head_check(self, name: str) -> None:
        self._queued_head_checks.add(name)
        if len(self._queued_head_checks) == 1:
            self._run(self._check_queued_heads())

    async def _check_queued_heads(self) -> None:
        # One query for all that were joined at about the same time.
        await asyncio.sleep(REORDER_DELAY)
        names, self._queued_head_checks = self._queued_head_checks, set()
        try:
            await self._compare(names)
        except Error as failure:
            logger.warning("live_log_unreachable", error=type(failure).__name__)  # the sweep looks again

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            try:
                # Again, for what Redis could not be asked for; what is subscribed already costs nothing.
                for group in [*self._listeners, *self._feeds]:
                    await self._subscribe(group)
            except Exception:  # every socket depends on this loop, so whatever fails must not end it
                logger.exception("live_sweep_failed")
            await self._check_everything()

    async def _check_everything(self) -> None:
        """Find what the layer lost: events, the ends of sign-ins, and changes of rights."""
        for check in (partial(self._compare, list(self._feeds)), self._check_credentials, self._check_rights):
            try:
                await check()
            except Error as failure:
                logger.warning("live_log_unreachable", error=type(failure).__name__)  # the next sweep looks again
            except Exception:
                logger.exception("live_sweep_failed")

    async def _watch_outage(self) -> None:
        """Once the layer is back, have every process look into the log, and not only with its next sweep.

        Whoever could not send knows of it. It is told twice, for those whose subscriptions come back a moment later.
        """
        outage, announcements_left = self._layer.outage, 0
        while True:
            await asyncio.sleep(OUTAGE_CHECK_INTERVAL)
            if outage.failures:
                announcements_left = 2
            if announcements_left:
                try:
                    await self._layer.group_send(OUTAGES, {"type": "live.call", "group": OUTAGES, "data": None})
                except LAYER_DOWN as failure:
                    outage.failed(failure)
                    continue
                except Exception:  # as in the sweep
                    logger.exception("live_watch_failed")
                    continue
                outage.recovered()
                announcements_left -= 1

    def _on_outage_over(self, data: None) -> None:
        self._run(self._check_everything())

    async def _compare(self, names: Iterable[str]) -> None:
        was = {name: self._feeds[name].seq for name in names if name in self._feeds}
        if not was:
            return
        heads = await in_database_thread(feeds.current_heads, was)
        for name, seq in was.items():
            if feed := self._feeds.get(name):
                feed.compare(heads[name], was=seq)

    async def _check_credentials(self) -> None:
        credentials = self.connections.credentials()
        if credentials:
            self.connections.revoke_invalid(
                await in_database_thread(auth_backend().still_valid, credentials), checked=credentials
            )

    async def _check_rights(self) -> None:
        """Reauthenticate every socket whose user may have lost the right to listen, visitors' too."""
        by_class: defaultdict[type[Subscriber], list[Subscriber]] = defaultdict(list)
        for feed in self._feeds.values():
            for subscriber in feed.subscribers:
                by_class[type(subscriber)].append(subscriber)
        for consumer_class, subscribers in by_class.items():
            try:
                allowed = set(await in_database_thread(consumer_class.still_allowed, subscribers))
            except Error:
                raise  # the database is down for all of them
            except Exception:  # the sockets of other kinds have to be asked about, too
                logger.exception("authorization_not_checked", consumer_class=consumer_class.__name__)
                continue
            for subscriber in subscribers:
                if subscriber not in allowed:
                    subscriber.on_reauthorize()

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        task = jobs.spawn(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_hubs = PerLoop(Hub)


def current_hub() -> Hub:
    """The hub of this event loop; a server has one."""
    return _hubs.current()


def bundle(messages: Sequence[LayerMessage]) -> LayerMessage:
    """Many messages, which name their groups, as one to BUNDLES.

    Each process unpacks it and drops what nobody there listens to. That is less work than a message of its own takes
    on its way through Redis, up to some twenty processes.
    """
    return {"type": "live.call", "group": BUNDLES, "data": list(messages)}


async def call(group: str, data: Any) -> None:
    """Reach whoever `listen`s to a group, in every process; at most once."""
    await _send(group, {"type": "live.call", "group": group, "data": data})


async def end_session(session_id: str) -> None:
    """A device was signed out: close its sockets, in every process."""
    await call(REVOKED_SESSIONS, session_id)


async def reauthorize(group: str) -> None:
    """Rights have changed: have every socket of a group ask again whether it may listen, and close if not."""
    await _send(group, {"type": "live.recheck", "group": group})


async def _send(group: str, message: LayerMessage) -> None:
    try:
        await live_layer().group_send(group, message)
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
