"""Feeds: the one door for telling everybody concerned that something was stored.

    with feeds.write(room_feed(room.pk)) as feed:
        message = room.messages.create(…)
        feed.publish(MessageCreated.of(message))

The log is the truth. The channel layer may drop anything; it only wakes readers up, and they look into the log for what
they miss (docs/decisions/0006-feeds.md).
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, overload
from weakref import WeakKeyDictionary

from chanx.messages.base import BaseMessage
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core import runner
from core.live.frames import encode
from core.live.layers import LAYER_DOWN, LayerMessage, live_layer
from core.live.models import Feed, FeedEvent

FORESEEN = 1  # facts of one writer in one feed
REPLAY_LIMIT = 5000  # events; who missed more fetches again by REST, which is cheaper


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of a feed, as it is stored and as it goes out."""

    seq: int
    frame: str
    text_id: int | None = None  # the streamed text that this fact ends, if it ends one,
    text_length: int | None = None  # and that text's length in characters


@dataclass(frozen=True, slots=True)
class Replay:
    """What a reader missed. Not `complete`: the log can't tell any more, and the reader must fetch again."""

    head: int
    facts: Sequence[Fact]
    complete: bool


@dataclass(slots=True)
class FeedWriter:
    """A feed whose head is locked: what is published here gets the next numbers."""

    pk: int
    name: str
    head: int
    facts: list[Fact] = field(default_factory=list)

    def publish(self, message: BaseMessage, *, ends_text: tuple[int, int] | None = None) -> int:
        """Log a fact and, after the commit, send it out; returns its number.

        `ends_text` is the id and the length of the streamed text that this fact is the end of.
        """
        text_id, text_length = ends_text or (None, None)
        self.head += 1
        self.facts.append(Fact(self.head, encode(message, seq=self.head), text_id, text_length))
        return self.head


@overload
def write(name: str, /) -> AbstractContextManager[FeedWriter]: ...
@overload
def write(name: str, another: str, /, *more: str) -> AbstractContextManager[tuple[FeedWriter, ...]]: ...
def write(*names: str) -> AbstractContextManager[Any]:
    """A transaction that owns the next numbers of these feeds; open it before any row is written.

    Gives one writer per name, in the order of the names. The heads are locked first, sorted by name: so commit order,
    id order and numbers agree, and no two writers wait for each other.
    """
    return _write(names)


@contextmanager
def _write(names: Sequence[str]) -> Iterator[FeedWriter | tuple[FeedWriter, ...]]:
    with write_all(names) as writers:
        yield writers[0] if len(writers) == 1 else writers


@contextmanager
def write_all(names: Sequence[str]) -> Iterator[tuple[FeedWriter, ...]]:
    """The same for any number of feeds."""
    with transaction.atomic():
        locked = _lock_heads(sorted(set(names)))
        writers = tuple(locked[name] for name in names)
        yield writers
        _store(locked.values())
        messages = [(name, fact_message(name, fact)) for name, writer in locked.items() for fact in writer.facts]
        if messages:
            transaction.on_commit(partial(_announce, messages))


def _store(writers: Iterable[FeedWriter]) -> None:
    # By hand, like the lock: each fact of every feature comes through here, and the ORM doubled what it takes.
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        for writer in writers:
            for fact in writer.facts:
                cursor.execute(
                    "INSERT INTO core_feedevent (feed_id, seq, frame, text_id, text_length, created_at) "
                    "VALUES (%s, %s, %s, %s, %s, %s)",
                    [writer.pk, fact.seq, fact.frame, fact.text_id, fact.text_length, now],
                )
            if not writer.head:  # nobody said anything yet, perhaps about something that is gone
                cursor.execute("DELETE FROM core_feed WHERE id = %s", [writer.pk])
            elif len(writer.facts) != FORESEEN:
                cursor.execute("UPDATE core_feed SET head = %s WHERE id = %s", [writer.head, writer.pk])


def _lock_heads(names: Sequence[str]) -> dict[str, FeedWriter]:
    # One statement makes what is missing, locks, reads what is current and, since nearly every writer tells one fact,
    # counts it already. Rows are locked in the order given.
    rows = ", ".join([f"(%s, {FORESEEN})"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO core_feed (name, head) VALUES {rows} "  # noqa: S608  # only placeholders are put in
            f"ON CONFLICT (name) DO UPDATE SET head = core_feed.head + {FORESEEN} RETURNING id, name, head",
            names,
        )
        return {name: FeedWriter(pk, name, head - FORESEEN) for pk, name, head in cursor.fetchall()}


def fact_message(feed: str, fact: Fact) -> LayerMessage:
    """A fact as the channel layer carries it to the hubs."""
    return {
        "type": "live.fact",
        "group": feed,
        "seq": fact.seq,
        "frame": fact.frame,
        "text_id": fact.text_id,
        "text_length": fact.text_length,
    }


def _announce(messages: Sequence[tuple[str, LayerMessage]]) -> None:
    runner.start(_send, messages)


# Per event loop, what waits to be sent: in order, and together in one round trip when there is much of it.
_outgoing: "WeakKeyDictionary[asyncio.AbstractEventLoop, list[tuple[str, LayerMessage]]]" = WeakKeyDictionary()


async def _send(messages: Sequence[tuple[str, LayerMessage]]) -> None:
    loop = asyncio.get_running_loop()
    if loop in _outgoing:
        _outgoing[loop].extend(messages)  # whoever is sending takes these, too
        return
    waiting = _outgoing[loop] = list(messages)
    try:
        while waiting:
            batch, waiting[:] = list(waiting), []
            try:
                await live_layer().group_send_many(batch)
            except LAYER_DOWN as failure:
                # The writes stand. Readers find them by the next number, or by the sweep.
                live_layer().outage.failed(failure)
    finally:
        del _outgoing[loop]


def head(name: str) -> int:
    """The number of a feed's newest fact, 0 for none. Read it before the rows, and give it as `Feed-Seq`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT head FROM core_feed WHERE name = %s", [name])  # each socket asks, and each page
        found = cursor.fetchone()
    return found[0] if found else 0


def heads(names: Iterable[str]) -> dict[str, int]:
    return dict(Feed.objects.filter(name__in=list(names)).values_list("name", "head"))


def read(name: str, since: int | None) -> Replay:
    """What a reader who has everything up to `since` misses; with None only where the feed stands."""
    if since is None:
        return Replay(head(name), (), complete=True)
    with connection.cursor() as cursor:
        # One statement, so that head and events are of one moment.
        cursor.execute(
            "SELECT feed.head, event.seq, event.frame, event.text_id, event.text_length "
            "FROM core_feed feed LEFT JOIN core_feedevent event ON event.feed_id = feed.id AND event.seq > %s "
            "WHERE feed.name = %s ORDER BY event.seq LIMIT %s",
            [since, name, REPLAY_LIMIT + 1],
        )
        rows = cursor.fetchall()
    newest = rows[0][0] if rows else 0
    facts = [Fact(*row[1:]) for row in rows if row[1] is not None]
    # Exactly the numbers since + 1 … head: nothing pruned, nothing cut off, and no `since` from another time line.
    if newest - since == len(facts) and len(facts) <= REPLAY_LIMIT:
        return Replay(newest, facts, complete=True)
    return Replay(newest, (), complete=False)


def delete(names: Sequence[str]) -> None:
    """Forget whole feeds, with what they are about. Inside the transaction that deletes that."""
    _lock_heads(sorted(names))  # whoever writes to one of them is waited for
    FeedEvent.objects.filter(feed__name__in=names).delete()
    Feed.objects.filter(name__in=names).delete()


def prune(*, now: datetime | None = None) -> int:
    """Forget events older than FEED_KEEP_DAYS, and all but each feed's newest FEED_KEEP_EVENTS; returns how many."""
    oldest = (now or timezone.now()) - timedelta(days=settings.FEED_KEEP_DAYS)
    forgotten, _ = FeedEvent.objects.filter(created_at__lt=oldest).delete()
    too_long = Feed.objects.filter(
        Exists(FeedEvent.objects.filter(feed=OuterRef("pk"), seq__lte=OuterRef("head") - settings.FEED_KEEP_EVENTS))
    )
    for feed in too_long.iterator():
        deleted, _ = feed.events.filter(seq__lte=feed.head - settings.FEED_KEEP_EVENTS).delete()
        forgotten += deleted
    return forgotten
