"""Feeds: the logs of events through which services publish every change of stored data.

    with feeds.write(room_feed(room.pk)) as feed:
        message = room.messages.create(…)
        feed.publish(MessageCreated.of(message))

The log is authoritative. The channel layer only notifies subscribers and may lose messages; subscribers read missed
events from the log (docs/decisions/0006-feeds.md). Each event of a feed has a sequence number (`seq`); the feed's head
is the sequence number of its newest event.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, overload

from chanx.messages.base import BaseMessage
from django.db import connection, models, transaction
from django.db.models import Exists, Max, OuterRef, QuerySet, Sum
from django.db.models.functions import Greatest
from django.utils import timezone
from pydantic_core import to_jsonable_python

from live import conf
from live.frames import camelize, dumps, encode
from live.layers import LAYER_DOWN, LayerMessage, live_layer
from live.messages import LoggedMessage
from live.models import Feed, FeedEvent, FeedFloor
from runtime import jobs
from runtime.per_loop import PerLoop

PREALLOCATED = 1  # sequence numbers that locking a head reserves; most writers publish one event
REPLAY_LIMIT = 5000  # events; for a client that missed more, fetching by REST is cheaper
REPLAY_BYTES = 2 * 1024 * 1024  # the same limit for the frames and the streamed texts that they end
REWRITE_LIMIT = 1000  # frames about one object; the logs are cut up to the newest frame beyond this
BATCH = 1000  # rows that pruning deletes in one transaction
PAGE = 500  # feeds that pruning reads at once


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a feed, as it is stored and sent."""

    seq: int
    frame: str
    text_id: int | None = None  # the streamed text that this event ends, if any
    text_length: int | None = None  # characters of that text


@dataclass(frozen=True, slots=True)
class Replay:
    """The missed events of a subscriber.

    If `complete` is false, the log doesn't have all of the events, or they are too many, and the client must fetch.
    """

    head: int
    events: Sequence[Event]
    complete: bool


@dataclass(slots=True)
class _Entry:
    """A published event, with the columns of its row."""

    event: Event
    stored_frame: str
    object_key: str | None
    named_user: int | None


@dataclass(slots=True)
class FeedWriter:
    """Publishes events in a feed whose head is locked, so that they get the next sequence numbers."""

    pk: int
    name: str
    head: int
    stored_head: int  # the column's current value
    is_new: bool = False
    is_deleted: bool = False
    entries: list[_Entry] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]

    def publish(self, message: BaseMessage, *, ends_text: tuple[int, int] | None = None) -> int:
        """Adds an event, which is stored with the transaction and sent after the commit; returns its sequence number.

        `ends_text` is the id and the length of the streamed text that this event ends.
        """
        text_id, text_length = ends_text or (None, None)
        object_key, named_user = (
            (message.object_key, message.named_user) if isinstance(message, LoggedMessage) else (None, None)
        )
        self.head += 1
        event = Event(self.head, encode(message, seq=self.head), text_id, text_length)
        self.entries.append(_Entry(event, event.frame, object_key, named_user))
        return self.head

    def clear(self) -> None:
        """Deletes the stored events. A client that reconnects from an earlier position receives a resync."""
        FeedEvent.objects.filter(feed_id=self.pk).delete()

    def change_key(self, before: str, after: str) -> None:
        """Replaces the object key of stored events, so that later rewrites of the object no longer change them."""
        FeedEvent.objects.filter(feed_id=self.pk, object_key=before).update(object_key=after)

    def _mark(self) -> tuple[int, int]:
        return self.head, len(self.entries)

    def _undo_to(self, mark: tuple[int, int]) -> None:
        self.head = mark[0]
        del self.entries[mark[1] :]


@overload
def write(name: str, /) -> AbstractContextManager[FeedWriter]: ...
@overload
def write(name: str, another: str, /, *more: str) -> AbstractContextManager[tuple[FeedWriter, ...]]: ...
def write(*names: str) -> AbstractContextManager[Any]:
    """Opens a transaction and locks the heads of these feeds. Call it before any row is written.

    Yields one writer per name, in the order of the names. The heads are locked first, sorted by name, so that writers
    can't deadlock and that sequence numbers have the same order as commits and ids.
    """
    return _write(names)


@contextmanager
def _write(names: Sequence[str]) -> Iterator[FeedWriter | tuple[FeedWriter, ...]]:
    with write_all(names) as writers:
        yield writers[0] if len(writers) == 1 else writers


# The feeds that the running transaction has locked. A nested `write` reuses the writers of the outer `write`, which
# also stores the nested events.
_held: ContextVar[dict[str, FeedWriter] | None] = ContextVar("held feeds", default=None)


@contextmanager
def write_all(names: Sequence[str]) -> Iterator[tuple[FeedWriter, ...]]:
    """Does the same as `write` for any number of feeds; always yields a tuple."""
    with transaction.atomic(), _locked(lambda: names) as held:
        yield tuple(held[name] for name in names)


@contextmanager
def write_found(find_names: Callable[[], Collection[str]]) -> Iterator[Mapping[str, FeedWriter]]:
    """Does the same as `write` for feeds that a query finds; yields the writers by name.

    The query is repeated under the locks until it finds no further feeds.
    """
    with transaction.atomic(), _locked(find_names, is_final=False) as held:
        yield held


@contextmanager
def _locked(find_names: Callable[[], Collection[str]], *, is_final: bool = True) -> Iterator[dict[str, FeedWriter]]:
    outer = _held.get() or {}
    locked = _lock(set(find_names()) - outer.keys(), find_names, is_final=is_final)
    held = outer | locked
    marks = {name: writer._mark() for name, writer in outer.items()}
    token = _held.set(held)
    try:
        yield held
    except BaseException:
        # The savepoint rolls back the events of this block, so their sequence numbers are free again.
        for name, mark in marks.items():
            outer[name]._undo_to(mark)
        raise
    finally:
        _held.reset(token)
    writers = [writer for writer in locked.values() if not writer.is_deleted]
    _store(writers)
    messages = [(writer.name, event_message(writer.name, event)) for writer in writers for event in writer.events]
    if messages:
        transaction.on_commit(partial(_announce, messages))


def _lock(names: set[str], find_names: Callable[[], Collection[str]], *, is_final: bool) -> dict[str, FeedWriter]:
    while True:
        before_locks = transaction.savepoint() if not is_final else None
        locked = _lock_heads(sorted(names))
        if before_locks is None:
            return locked
        if set(find_names()) <= names | (_held.get() or {}).keys():
            transaction.savepoint_commit(before_locks)
            return locked
        transaction.savepoint_rollback(before_locks)  # unlocks all heads, so that the larger set is locked in order
        names = names | (set(find_names()) - (_held.get() or {}).keys())


def _store(writers: Iterable[FeedWriter]) -> None:
    # In SQL, because every event of every feature is stored here, and the ORM took twice as long.
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        for writer in writers:
            for entry in writer.entries:
                event = entry.event
                cursor.execute(
                    "INSERT INTO live_feedevent "
                    "(feed_id, seq, frame, text_id, text_length, object_key, named_user, size, created_at) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [
                        writer.pk,
                        event.seq,
                        entry.stored_frame,
                        event.text_id,
                        event.text_length,
                        entry.object_key,
                        entry.named_user,
                        len(entry.stored_frame.encode()),
                        now,
                    ],
                )
            if writer.is_new and not writer.entries:  # nothing was published, perhaps because the object was deleted
                cursor.execute("DELETE FROM live_feed WHERE id = %s", [writer.pk])
            elif writer.head != writer.stored_head:
                cursor.execute("UPDATE live_feed SET head = %s WHERE id = %s", [writer.head, writer.pk])


def _lock_heads(names: Sequence[str]) -> dict[str, FeedWriter]:
    # One statement creates missing rows, locks all rows in the order given, and returns their heads. It already adds
    # one event to each head, since nearly every writer publishes one event.
    if not names:
        return {}
    rows = ", ".join([f"(%s, {PREALLOCATED})"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO live_feed (name, head) VALUES {rows} "  # noqa: S608  # only placeholders are put in
            f"ON CONFLICT (name) DO UPDATE SET head = live_feed.head + {PREALLOCATED} RETURNING id, name, head",
            names,
        )
        locked = {name: FeedWriter(pk, name, head - PREALLOCATED, head) for pk, name, head in cursor.fetchall()}
    new = [writer for writer in locked.values() if not writer.head]
    # The floor is read by a second statement: the first may have waited for a pruning that removed the feed, and its
    # snapshot would not contain the floor that this pruning stored.
    first = floor() if new else 0
    for writer in new:
        writer.is_new, writer.head = True, first
    return locked


def event_message(feed: str, event: Event) -> LayerMessage:
    """Returns the channel-layer message that carries an event to the hubs."""
    return {
        "type": "live.fact",
        "group": feed,
        "seq": event.seq,
        "frame": event.frame,
        "text_id": event.text_id,
        "text_length": event.text_length,
    }


def _announce(messages: Sequence[tuple[str, LayerMessage]]) -> None:
    jobs.start(_send, messages)


@dataclass(slots=True)
class _Outgoing:
    """The messages of one event loop that wait to be sent, in order and several per round trip."""

    waiting: list[tuple[str, LayerMessage]] = field(default_factory=list)
    is_sending: bool = False


_outgoing = PerLoop(_Outgoing)


async def _send(messages: Sequence[tuple[str, LayerMessage]]) -> None:
    outgoing = _outgoing.current()
    outgoing.waiting.extend(messages)
    if outgoing.is_sending:  # the call that is sending also sends these messages
        return
    outgoing.is_sending = True
    try:
        while outgoing.waiting:
            batch, outgoing.waiting = outgoing.waiting, []
            try:
                await live_layer().group_send_many(batch)
            except LAYER_DOWN as failure:
                # The writes are committed. Subscribers detect the gap at the next event or in the hub's next sweep.
                live_layer().outage.failed(failure)
    finally:
        outgoing.is_sending = False


def head(name: str) -> int:
    """Returns the sequence number of a feed's newest event.

    Views read it before the rows, and send it as `Feed-Seq`.
    """
    with connection.cursor() as cursor:
        # In SQL, because each socket and each page calls this.
        cursor.execute(
            "SELECT COALESCE((SELECT head FROM live_feed WHERE name = %s), (SELECT MAX(head) FROM live_feedfloor), 0)",
            [name],
        )
        (found,) = cursor.fetchone()
    return int(found)


def heads(names: Iterable[str]) -> dict[str, int]:
    return dict(Feed.objects.filter(name__in=list(names)).values_list("name", "head"))


def current_heads(known: Mapping[str, int]) -> dict[str, int]:
    """Returns the heads of the feeds in `known`, which maps each name to the head that the caller knows.

    A feed without a row keeps its known head if that is at most the floor, because pruning may have removed the row.
    Otherwise, its head is 0.
    """
    found = heads(known)
    first = floor() if len(found) < len(known) else 0
    return {name: found.get(name, seq if seq <= first else 0) for name, seq in known.items()}


def floor() -> int:
    """Returns the floor: the highest head of all removed feeds, which is also the head of a feed without a row."""
    return FeedFloor.objects.aggregate(head=Max("head"))["head"] or 0


def read(name: str, since: int | None) -> Replay:
    """Returns the events after the sequence number `since`, or only the head if `since` is None."""
    if since is None:
        return Replay(head(name), (), complete=True)
    with connection.cursor() as cursor:
        # One statement, so that head and events are consistent. No frames are fetched if all are larger than the limit.
        cursor.execute(
            "SELECT feed.head, event.seq, event.frame, event.text_id, event.text_length "
            "FROM live_feed feed LEFT JOIN live_feedevent event ON event.feed_id = feed.id AND event.seq > %s "
            "AND (SELECT COALESCE(SUM(missed.size + COALESCE(missed.text_length, 0)), 0) "
            "FROM live_feedevent missed JOIN live_feed same ON same.id = missed.feed_id "
            "WHERE same.name = %s AND missed.seq > %s) <= %s "
            "WHERE feed.name = %s ORDER BY event.seq LIMIT %s",
            [since, name, since, REPLAY_BYTES, name, REPLAY_LIMIT + 1],
        )
        rows = cursor.fetchall()
    newest = rows[0][0] if rows else floor()
    events = [Event(*row[1:]) for row in rows if row[1] is not None]
    # The replay is complete if it has every sequence number from since + 1 to the head. Otherwise, events were pruned
    # or exceed a limit, or `since` is from another database.
    if newest - since == len(events) and len(events) <= REPLAY_LIMIT:
        return Replay(newest, events, complete=True)
    return Replay(newest, (), complete=False)


def delete(names: Collection[str]) -> None:
    """Deletes feeds with all their events. Call it in the transaction that deletes their objects."""
    with write_all(sorted(names)) as writers:  # waits for running writers of these feeds
        for writer in writers:
            writer.is_deleted = True
        pks = [writer.pk for writer in writers]
        FeedEvent.objects.filter(feed__in=pks).delete()
        Feed.objects.filter(pk__in=pks).delete()


# --- Text that was changed or deleted --------------------------------------------------------------------------------


def rewrite(object_key: str, fields: Mapping[str, Any]) -> None:
    """Sets fields in the stored frames about an object, in all feeds, if a frame's payload has these fields.

    Call it in the transaction that changes the object. Events published earlier in this transaction are stored with the
    new values, but sent unchanged, since open pages already show the old text. Every service that publishes about the
    object locks its feed, so no frame with the old text is published later.
    """
    _rewrite(FeedEvent.objects.filter(object_key=object_key), lambda entry: entry.object_key == object_key, fields)


def rewrite_user(user_id: int, key_prefix: str, fields: Mapping[str, Any]) -> None:
    """Sets fields in the stored frames that contain a user's name and whose object key starts with `key_prefix`.

    The prefix selects one type of object, as in "chat.message:".
    """
    _rewrite(
        FeedEvent.objects.filter(named_user=user_id, object_key__startswith=key_prefix),
        lambda entry: entry.named_user == user_id and (entry.object_key or "").startswith(key_prefix),
        fields,
    )


def _rewrite(events: QuerySet[FeedEvent], matches: Callable[["_Entry"], bool], fields: Mapping[str, Any]) -> None:
    values = camelize(to_jsonable_python(fields))
    for writer in (_held.get() or {}).values():
        for entry in filter(matches, writer.entries):
            entry.stored_frame = _rewritten(entry.stored_frame, values)
    # Locked in the order of their ids, so that concurrent rewrites can't deadlock.
    newest = list(events.select_for_update().order_by("-pk").values_list("pk", "frame")[: REWRITE_LIMIT + 1])
    if len(newest) > REWRITE_LIMIT:
        _cut(events.filter(pk__lte=newest.pop()[0]))
    rewritten = [(pk, frame, _rewritten(frame, values)) for pk, frame in newest]
    FeedEvent.objects.store_frames({pk: now for pk, before, now in rewritten if now != before})


def _rewritten(frame: str, values: Mapping[str, Any]) -> str:
    parts = json.loads(frame)
    parts["payload"] = _merged(parts["payload"], values)
    return dumps(parts)


def _merged(payload: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(part, values[name]) if name in values else part for name, part in payload.items()}


def _value(before: Any, now: Any) -> Any:
    if isinstance(now, dict):
        return _merged(before, now) if isinstance(before, dict) else before
    return now


def _cut(events: QuerySet[FeedEvent]) -> None:
    """Deletes each feed's log up to the newest of these events. Clients that lack one of them receive a resync."""
    for feed_id, newest in list(events.order_by().values_list("feed_id").annotate(newest=Max("seq"))):
        FeedEvent.objects.filter(feed_id=feed_id, seq__lte=newest).delete()


# --- Pruning ---------------------------------------------------------------------------------------------------------

_objects: dict[str, type[models.Model]] = {}


def register(prefix: str, model: type[models.Model]) -> None:
    """Registers the name prefix of feeds that belong to rows of `model`. Pruning deletes feeds whose row is gone."""
    _objects[prefix] = model


def prune(*, now: datetime | None = None) -> int:
    """Deletes old events, and feeds that are empty or whose object is gone; returns the number of events.

    An event is old if it is older than LIVE_KEEP_DAYS, not among the newest LIVE_KEEP_EVENTS of its feed, or not within
    the feed's newest LIVE_KEEP_BYTES. The transactions are short. Those for events and empty feeds skip locked rows.
    """
    oldest = (now or timezone.now()) - timedelta(days=conf.KEEP_DAYS.value)
    deleted = _delete(FeedEvent.objects.filter(created_at__lt=oldest))
    for page in _pages(Feed.objects.all()):
        for feed_id, newest in _too_long(page):
            deleted += _delete(FeedEvent.objects.filter(feed_id=feed_id, seq__lte=newest))
    for prefix, model in _objects.items():
        for page in _pages(Feed.objects.filter(name__startswith=prefix)):
            ids = {feed.name: feed.name.removeprefix(prefix) for feed in page}
            existing = {
                str(pk) for pk in model._default_manager.filter(pk__in=ids.values()).values_list("pk", flat=True)
            }
            if orphaned := [name for name, pk in ids.items() if pk not in existing]:
                delete(orphaned)
    for page in _pages(_empty_feeds()):
        _remove_empty([feed.pk for feed in page])
    return deleted


def _pages(feeds: QuerySet[Feed]) -> Iterator[list[Feed]]:
    last = 0
    while page := list(feeds.filter(pk__gt=last).order_by("pk")[:PAGE]):
        yield page
        last = page[-1].pk


def _delete(events: QuerySet[FeedEvent]) -> int:
    deleted = 0
    while True:
        with transaction.atomic():
            unlocked = events.select_for_update(skip_locked=True).order_by("pk")
            batch = list(unlocked.values_list("pk", flat=True)[:BATCH])
            FeedEvent.objects.filter(pk__in=batch).delete()
        deleted += len(batch)
        if len(batch) < BATCH:
            return deleted


def _too_long(page: Sequence[Feed]) -> Iterator[tuple[int, int]]:
    """Yields the id of each feed with too many events or bytes, and the last sequence number to delete."""
    pks = [feed.pk for feed in page]
    heads_by_pk = {feed.pk: feed.head for feed in page}
    too_many = Feed.objects.filter(
        Exists(FeedEvent.objects.filter(feed=OuterRef("pk"), seq__lte=OuterRef("head") - conf.KEEP_EVENTS.value))
    )
    for pk in too_many.filter(pk__in=pks).values_list("pk", flat=True):
        yield pk, heads_by_pk[pk] - conf.KEEP_EVENTS.value
    too_large = FeedEvent.objects.filter(feed__in=pks).order_by().values_list("feed_id").annotate(bytes=Sum("size"))
    for pk, _ in too_large.filter(bytes__gt=conf.KEEP_BYTES.value):
        remaining = conf.KEEP_BYTES.value
        for seq, size in FeedEvent.objects.filter(feed=pk).order_by("-seq").values_list("seq", "size").iterator():
            remaining -= size
            if remaining < 0:
                yield pk, seq
                break


def _empty_feeds() -> QuerySet[Feed]:
    return Feed.objects.filter(~Exists(FeedEvent.objects.filter(feed=OuterRef("pk"))))


@transaction.atomic
def _remove_empty(pks: Sequence[int]) -> None:
    locked = list(Feed.objects.select_for_update(skip_locked=True).filter(pk__in=pks).order_by("pk").values_list("pk"))
    # Read again under the locks, because a writer may have published in the meantime.
    empty = dict(_empty_feeds().filter(pk__in=[pk for (pk,) in locked]).values_list("pk", "head"))
    if empty:
        FeedFloor.objects.get_or_create(pk=1)
        FeedFloor.objects.filter(pk=1).update(head=Greatest("head", max(empty.values())))
        Feed.objects.filter(pk__in=empty).delete()
