"""The hub receives the channel-layer messages of one process and passes them to its local feeds.

A process has one channel for all sockets and groups, so each message is decoded once. A message contains the name of
its group, and the frame that the sockets send.
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
from live.local_feed import REORDER_DELAY, LocalFeed, Subscriber, for_each
from live.text_chunk import TextChunk
from runtime import jobs
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

HEAD_CHECK_DELAYS = (0.0, 1.0)  # seconds after joining a feed; repeated, since Redis may confirm late
# Every process joins this group. A message to it contains messages to many groups: see `bundle()`.
BUNDLES = "live.bundles"
SWEEP_INTERVAL = 25.0  # seconds; detects a lost event even if no later event follows
# Every process joins this group. A message to it means that the layer is back, and that the log must be compared.
OUTAGES = "live.outages"
OUTAGE_CHECK_INTERVAL = 1.0  # seconds


class Hub:
    """Manages the feeds of this process, and receives their messages over one channel of the layer."""

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
        """Subscribes to a feed that was read up to `head`. The subscriber then calls `add` on the feed, or `leave`."""
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
            except BaseException:  # also if the caller is cancelled
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
        """Returns the open sockets of this process that are subscribed to a feed."""
        feed = self._feeds.get(name)
        return tuple(feed.subscribers) if feed is not None else ()

    def subscribers_by_kind(self) -> Counter[str]:
        """Returns the number of open sockets by the prefix of their feed's name, such as `chat.room`."""
        by_class: Counter[str] = Counter()
        for feed in self._feeds.values():
            by_class[feed.name.rpartition(".")[0]] += len(feed.subscribers)
        return by_class

    async def listen(self, group: str, callback: Callable[[Any], None]) -> None:
        """Registers a callback for a group: it receives the data of each `call`, and the frame of each hint."""
        if group not in self._listeners:
            self._listeners[group] = callback
            await self._subscribe(group)

    async def watch_revocations(self) -> None:
        """Subscribes to revocations. Call it before permissions are read, so that no later revocation is missed."""
        await self.listen(REVOKED_SESSIONS, self.connections.on_session_revoked)

    async def _subscribe(self, group: str) -> None:
        if self._sweep_task is None:
            self._sweep_task = jobs.spawn(self._sweep())
            self._outage_task = jobs.spawn(self._watch_outage())
        try:
            await self._layer.group_add(group, await self._own_channel())
        except LAYER_DOWN as failure:
            # Events are only delayed: the next sweep subscribes again, and compares the feeds with the log.
            self._layer.outage.failed(failure)
        else:
            if feed := self._feeds.get(group):
                feed.subscription = None

    async def _unsubscribe(self, group: str) -> None:
        if group in self._feeds:
            return  # another subscriber has joined
        try:
            await self._layer.group_discard(group, await self._own_channel())
        except LAYER_DOWN:
            return  # a lost connection has no subscriptions to remove

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
            except Exception:  # this loop serves every socket, so one bad message must not end it
                logger.exception("live_message_failed")
                await asyncio.sleep(REORDER_DELAY)

    def _dispatch_bundle(self, messages: Sequence[LayerMessage]) -> None:
        for message in messages:
            try:
                self._dispatch(message)
            except Exception:  # the other messages in the bundle are for other feeds
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
                after, frame = message.get("after", 0), message["frame"]
                # A socket that has not sent event `after` yet may lose its permission with that event.
                allowed = [subscriber for subscriber in feed.subscribers if after <= subscriber.seq]
                for_each(allowed, lambda subscriber: subscriber.on_hint(frame))
            case "live.recheck":
                for_each(feed.subscribers, lambda subscriber: subscriber.on_reauthorize())

    def _schedule_head_checks(self, name: str) -> None:
        for delay in HEAD_CHECK_DELAYS:
            asyncio.get_running_loop().call_later(delay, self._queue_head_check, name)

    def _queue_head_check(self, name: str) -> None:
        self._queued_head_checks.add(name)
        if len(self._queued_head_checks) == 1:
            self._run(self._check_queued_heads())

    async def _check_queued_heads(self) -> None:
        # The delay collects feeds that were joined at about the same time, for one query.
        await asyncio.sleep(REORDER_DELAY)
        names, self._queued_head_checks = self._queued_head_checks, set()
        try:
            await self._compare(names)
        except Error as failure:
            logger.warning("live_log_unreachable", error=type(failure).__name__)  # the sweep checks again

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            try:
                # Repeats subscriptions, since some may have failed. Repeating an existing subscription costs nothing.
                for group in [*self._listeners, *self._feeds]:
                    await self._subscribe(group)
            except Exception:  # every socket depends on this loop, so no error may end it
                logger.exception("live_sweep_failed")
            await self._check_everything()

    async def _check_everything(self) -> None:
        """Checks the database for events, revocations and changes of permissions that the layer may have lost."""
        for check in (partial(self._compare, list(self._feeds)), self._check_credentials, self._check_rights):
            try:
                await check()
            except Error as failure:
                logger.warning("live_log_unreachable", error=type(failure).__name__)  # the next sweep checks again
            except Exception:
                logger.exception("live_sweep_failed")

    async def _watch_outage(self) -> None:
        """After an outage of the layer, makes every process check its feeds immediately, without waiting for its sweep.

        Each process that could not send to the layer sends this request, twice: the second time for processes whose
        subscriptions are restored later.
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
                except Exception:  # the loop must go on, as in `_sweep`
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
        """Reauthenticates every socket whose user or visitor no longer has permission for the feed."""
        by_class: defaultdict[type[Subscriber], list[Subscriber]] = defaultdict(list)
        for feed in self._feeds.values():
            for subscriber in feed.subscribers:
                by_class[type(subscriber)].append(subscriber)
        for consumer_class, subscribers in by_class.items():
            try:
                allowed = set(await in_database_thread(consumer_class.still_allowed, subscribers))
            except Error:
                raise  # the database is down, so the checks of other classes would fail, too
            except Exception:  # sockets of other classes must still be checked
                logger.exception("authorization_not_checked", consumer_class=consumer_class.__name__)
                continue
            for_each(set(subscribers) - allowed, lambda subscriber: subscriber.on_reauthorize())

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        task = jobs.spawn(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_hubs = PerLoop(Hub)


def current_hub() -> Hub:
    """Returns the hub of this event loop; a server has one."""
    return _hubs.current()


def bundle(messages: Sequence[LayerMessage]) -> LayerMessage:
    """Returns one message to BUNDLES that contains these messages; each contains the name of its group.

    Each process unpacks the bundle, and drops messages to groups without local subscribers. With up to about twenty
    processes, this takes less work than separate messages through Redis.
    """
    return {"type": "live.call", "group": BUNDLES, "data": list(messages)}


async def call(group: str, data: Any) -> None:
    """Calls the callbacks that `listen` registered for a group, in every process. The layer may lose the call."""
    await _send(group, {"type": "live.call", "group": group, "data": data})


async def end_session(session_id: str) -> None:
    """Closes the sockets of a device that was signed out, in every process."""
    await call(REVOKED_SESSIONS, session_id)


async def reauthorize(group: str) -> None:
    """Makes every socket of a group check its permission again, and close if it was denied."""
    await _send(group, {"type": "live.recheck", "group": group})


async def _send(group: str, message: LayerMessage) -> None:
    try:
        await live_layer().group_send(group, message)
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
