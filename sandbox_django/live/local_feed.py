"""Delivers one feed's events to the sockets of this process, in order; reads missing events once for all of them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Protocol, Self, TypeVar

import structlog
from django.db import Error

from live import feeds
from live.feeds import Event, Replay
from live.metrics import counts
from live.text_chunk import TextChunk
from runtime import jobs
from runtime.threads import in_database_thread, once_per_batch

logger = structlog.get_logger(__name__)

REORDER_DELAY = 0.05  # seconds to wait for a missing event, which may only be late
LOSS_TIMEOUT = 1.0  # seconds in which an event that was read from the log must also arrive, or it counts as lost
# After joining, events that had to be read from the log don't count as gaps: the subscription may be confirmed late.
SUBSCRIBE_GRACE_SECONDS = 2.0
DATABASE_RETRY_DELAY = 1.0  # seconds between two attempts to read the log


class Subscriber(Protocol):
    """The interface of a socket that the hub uses.

    `on_event` and `on_chunk` return False if an earlier event or chunk is missing. `from_log` means that the event or
    chunk was just read from the log or the buffer, so that another read would not find an earlier one.
    """

    seq: int

    def on_event(self, event: Event, *, from_log: bool = False) -> bool: ...
    def on_chunk(self, chunk: TextChunk, *, from_log: bool = False) -> bool: ...
    def on_hint(self, frame: str) -> None: ...
    def on_reauthorize(self) -> None: ...
    def on_failure(self) -> None: ...
    def resync(self, head: int) -> None: ...
    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[TextChunk]: ...
    async def running_text(self, text_id: int) -> TextChunk | None: ...
    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]: ...


SubscriberType = TypeVar("SubscriberType", bound=Subscriber)


def for_each(subscribers: Iterable[SubscriberType], handle: Callable[[SubscriberType], object]) -> None:
    """Calls `handle` for each socket. If it raises for a socket, only that socket is closed."""
    for subscriber in tuple(subscribers):
        try:
            handle(subscriber)
        except Exception:  # must not affect other sockets
            logger.exception("socket_failed")
            subscriber.on_failure()


class LocalFeed:
    """A feed with subscribers in this process."""

    def __init__(self, name: str, seq: int) -> None:
        self.name = name
        self.seq = seq  # all events up to this sequence number were delivered
        self.subscribers: set[Subscriber] = set()
        self.joining: set[Subscriber] = set()  # still reading the log
        self.subscription: asyncio.Future[None] | None = None
        self._known_head = seq
        self._out_of_order: dict[int, Event] = {}  # received before their predecessors
        # For the gap metrics: the sequence numbers of events that were read from the log and may still arrive; the id
        # and the received length of the current text; and the time when this feed was joined.
        self._unconfirmed: set[int] = set()
        self._text_id = self._text_end = 0
        self._joined_at = asyncio.get_running_loop().time()
        self._missing_text_id: int | None = None
        self._catch_up_task: asyncio.Task[None] | None = None

    def add(self, subscriber: Subscriber) -> None:
        self.joining.discard(subscriber)
        self.subscribers.add(subscriber)
        self._known_head = max(self._known_head, subscriber.seq)
        # Only check the new subscriber: scanning all of them at every join is O(n²).
        if self._is_behind() or subscriber.seq < self.seq:
            self.catch_up()

    def on_event(self, event: Event) -> None:
        self._unconfirmed.discard(event.seq)
        if event.seq <= self.seq:
            return
        self._out_of_order[event.seq] = event
        if not self._deliver_in_order():
            self.catch_up()

    def on_chunk(self, chunk: TextChunk) -> None:
        received = self._text_end if chunk.text_id == self._text_id else 0
        if chunk.offset > received and not self._is_subscribing():
            counts.gaps_found += 1  # the chunks of a text arrive in order, so an earlier chunk was lost
        self._text_id, self._text_end = chunk.text_id, max(received, chunk.end)
        for_each(self.subscribers, partial(self.deliver_chunk, chunk=chunk))

    def deliver_chunk(self, subscriber: Subscriber, chunk: TextChunk) -> None:
        if not subscriber.on_chunk(chunk):
            self._missing_text_id = chunk.text_id
            self.catch_up()

    def compare(self, head: int, *, was: int) -> None:
        """Compares the feed with the log's head. `was` is the feed's `seq` before the head was read."""
        if head < was:
            self._resync(head)  # the log is older: a restored database
            return
        self._known_head = max(self._known_head, head)
        if self._is_incomplete():
            self.catch_up()

    def catch_up(self) -> None:
        """Starts to read the missing events for all subscribers, unless they arrive within REORDER_DELAY."""
        if self._catch_up_task is None:
            self._catch_up_task = jobs.spawn(self._catch_up())

    def close(self) -> None:
        self._unconfirmed.clear()
        if self._catch_up_task is not None:
            self._catch_up_task.cancel()

    def _is_subscribing(self) -> bool:
        """Returns whether the subscription may still be unconfirmed, so that a missing event isn't a gap."""
        return asyncio.get_running_loop().time() - self._joined_at < SUBSCRIBE_GRACE_SECONDS

    def _watch_for_loss(self, seqs: set[int]) -> None:
        """Counts a gap if one of these events doesn't arrive within LOSS_TIMEOUT after it was read from the log."""
        if seqs and not self._is_subscribing():
            self._unconfirmed |= seqs
            asyncio.get_running_loop().call_later(LOSS_TIMEOUT, self._count_lost, seqs)

    def _count_lost(self, seqs: set[int]) -> None:
        if lost := seqs & self._unconfirmed:
            self._unconfirmed -= lost
            counts.gaps_found += 1
            counts.gaps_filled += 1

    def _deliver_in_order(self) -> bool:
        """Delivers the events that are next in order. Returns True if no event or chunk is known to be missing."""
        complete = True
        while event := self._out_of_order.pop(self.seq + 1, None):
            self.seq = event.seq
            for subscriber in tuple(self.subscribers):
                try:
                    complete &= subscriber.on_event(event)
                except Exception:  # must not affect other sockets
                    logger.exception("socket_failed", feed=self.name)
                    subscriber.on_failure()
        return complete and not self._out_of_order

    async def _catch_up(self) -> None:
        try:
            while True:
                await asyncio.sleep(REORDER_DELAY)
                self._deliver_in_order()
                if not self._is_incomplete():
                    return
                try:
                    await self._fetch()
                except Error as failure:
                    logger.warning("live_log_unreachable", error=type(failure).__name__, feed=self.name)
                    await asyncio.sleep(DATABASE_RETRY_DELAY)
                except Exception:  # a bug; the next event or the sweep tries again
                    logger.exception("live_catch_up_failed", feed=self.name)
                    return
        finally:
            self._catch_up_task = None

    def _is_incomplete(self) -> bool:
        return bool(self.subscribers) and (
            self._is_behind() or any(subscriber.seq < self.seq for subscriber in self.subscribers)
        )

    def _is_behind(self) -> bool:
        return self.seq < self._known_head or bool(self._out_of_order) or self._missing_text_id is not None

    async def _fetch(self) -> None:
        missing_text_id, self._missing_text_id = self._missing_text_id, None
        # Events received before the read are covered by it, so drop them. Keep those that arrive during it.
        was, known_head, out_of_order = self.seq, self._known_head, set(self._out_of_order)
        since, subscriber = min(subscriber.seq for subscriber in self.subscribers), next(iter(self.subscribers))
        replay, texts = await in_database_thread(read_with_texts, self.name, since, subscriber.stored_texts)
        self._out_of_order = {seq: event for seq, event in self._out_of_order.items() if seq not in out_of_order}
        if replay.head < was:
            self._resync(replay.head)
            return
        if not replay.complete:
            counts.gaps_found += 1
            self._resync(max(replay.head, self.seq))  # events may have been delivered during the read
            return
        # Only events that this process has not received can be lost. Events up to `was` were delivered to the feed, and
        # are read again for a subscriber that joined behind the feed.
        self._watch_for_loss(
            {event.seq for event in replay.events if event.seq > was and event.seq not in out_of_order}
        )
        for event in replay.events:
            chunk = texts.get(event.text_id) if event.text_id is not None else None
            for_each(self.subscribers, partial(_deliver_from_log, event=event, chunk=chunk))
            self.seq = max(self.seq, event.seq)
        if self._known_head == known_head:
            self._known_head = self.seq
        self._out_of_order = {seq: event for seq, event in self._out_of_order.items() if seq > self.seq}
        if missing_text_id is not None and self.subscribers:
            running = await next(iter(self.subscribers)).running_text(missing_text_id)
            if running is not None:
                for_each(self.subscribers, lambda subscriber: subscriber.on_chunk(running, from_log=True))

    def _resync(self, head: int) -> None:
        self.seq = self._known_head = head
        self._out_of_order = {seq: event for seq, event in self._out_of_order.items() if seq > head}
        elsewhere = [subscriber for subscriber in self.subscribers if subscriber.seq != head]
        for_each(elsewhere, lambda subscriber: subscriber.resync(head))


def _deliver_from_log(subscriber: Subscriber, *, event: Event, chunk: TextChunk | None) -> None:
    if chunk is not None:
        subscriber.on_chunk(chunk, from_log=True)
    subscriber.on_event(event, from_log=True)


def read_with_texts(
    name: str, since: int | None, stored_texts: Callable[[Sequence[int]], Sequence[TextChunk]]
) -> tuple[Replay, dict[int, TextChunk]]:
    """Returns a replay, and the texts that its events end, by id.

    The texts are needed because a client that missed an end event may also have missed the text's last chunks.
    """
    replay = feeds.read(name, since)
    if replay.events:
        # Sockets of the same feed in one batch share the events, so that each frame is in memory once.
        shared: dict[int, Event] = once_per_batch(("events", name), dict)
        replay = Replay(replay.head, [shared.setdefault(event.seq, event) for event in replay.events], replay.complete)
    ended = [event.text_id for event in replay.events if event.text_id is not None and event.text_length]
    return replay, {chunk.text_id: chunk for chunk in stored_texts(ended)} if ended else {}
