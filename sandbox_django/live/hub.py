"""What this process hears of its feeds, put in order and handed to the local sockets.

One channel per process, not one per socket or group: a message names its group, is decoded once, and reaches a socket
as ready text. The numbers show what is missing; one read of the log then serves every socket of the feed.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, Self

import structlog
from django.db import Error

from live import feeds
from live.feeds import Fact, Replay
from live.layers import LAYER_DOWN, LayerMessage, live_layer
from live.metrics import counts
from live.passes import ENDED_DEVICES, Passes, guard
from live.texts import Piece
from runtime import jobs
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread, once_per_hop

logger = structlog.get_logger(__name__)

LATE_PATIENCE = 0.05  # seconds: what is missing may only be late
LOST_AFTER = 1.0  # seconds: an event that was read from the log and does not arrive by then was lost
JOINING_SECONDS = 2.0  # in which a feed is read again because its subscription was confirmed late
RECHECK_DELAYS = (0.0, 1.0)  # seconds after a feed was joined: Redis confirms a subscription late
DATABASE_PATIENCE = 1.0  # seconds between two tries to read the log
# Every process listens here, to many messages for many groups in one: `bundle()`.
BUNDLES = "live.bundles"
SWEEP_INTERVAL = 25.0  # seconds: finds what was lost when nothing followed it
# Every process listens here: the layer was away, and what was told meanwhile is in the log only.
OUTAGES = "live.outages"
OUTAGE_PATIENCE = 1.0  # seconds between two looks at whether it is back


class Reader(Protocol):
    """One socket as the hub sees it. Its `take_…` say False when something that comes before is missing.

    `anyhow` is for what was just read from the log or the buffer: nothing more of what comes before will be found.
    """

    seq: int

    def take_fact(self, fact: Fact, *, anyhow: bool = False) -> bool: ...
    def take_text(self, piece: Piece, *, anyhow: bool = False) -> bool: ...
    def take_hint(self, frame: str) -> None: ...
    def take_event(self, message: LayerMessage) -> None: ...
    def take_recheck(self) -> None: ...
    def resync(self, head: int) -> None: ...
    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[Piece]: ...
    async def running_text(self, text_id: int) -> Piece | None: ...
    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]: ...


class LiveFeed:
    """A feed that somebody in this process listens to."""

    def __init__(self, name: str, seq: int) -> None:
        self.name = name
        self.seq = seq  # everything up to here was handed on
        self.readers: set[Reader] = set()
        self.expected: set[Reader] = set()  # on their way in
        self.subscription: asyncio.Future[None] | None = None
        self._known_head = seq
        self._early: dict[int, Fact] = {}  # heard before what precedes them
        # For the metric of gaps: what was read from the log, and may only be late; the text that is being received,
        # and up to which character; and when this feed was joined.
        self._unheard: set[int] = set()
        self._text_id = self._text_end = 0
        self._joined_at = asyncio.get_running_loop().time()
        self._missing_text: int | None = None
        self._catching_up: asyncio.Task[None] | None = None

    def add(self, reader: Reader) -> None:
        self.expected.discard(reader)
        self.readers.add(reader)
        self._known_head = max(self._known_head, reader.seq)
        # Who else is behind is known already: looking at all of them for each that comes takes too long.
        if self._is_behind() or reader.seq < self.seq:
            self.catch_up()

    def hear_fact(self, fact: Fact) -> None:
        self._unheard.discard(fact.seq)
        if fact.seq <= self.seq:
            return
        self._early[fact.seq] = fact
        if not self._hand_on():
            self.catch_up()

    def hear_text(self, piece: Piece) -> None:
        received = self._text_end if piece.text_id == self._text_id else 0
        if piece.offset > received and not self._is_joining():
            counts.gaps_found += 1  # the pieces of a text come in order: those before this one are lost
        self._text_id, self._text_end = piece.text_id, max(received, piece.end)
        for reader in tuple(self.readers):
            self.give_text(reader, piece)

    def give_text(self, reader: Reader, piece: Piece) -> None:
        if not reader.take_text(piece):
            self._missing_text = piece.text_id
            self.catch_up()

    def compare(self, head: int, *, was: int) -> None:
        """Look at where the log stands; `was` is where this feed stood when it was asked."""
        if head < was:
            self._resync(head)  # the log is of an earlier time: a restored database
            return
        self._known_head = max(self._known_head, head)
        if self._misses_something():
            self.catch_up()

    def catch_up(self) -> None:
        """Fetch what is missing, once for all readers, unless it comes by itself in a moment."""
        if self._catching_up is None:
            self._catching_up = jobs.spawn(self._catch_up())

    def close(self) -> None:
        self._unheard.clear()
        if self._catching_up is not None:
            self._catching_up.cancel()

    def _is_joining(self) -> bool:
        """Until the subscription works for certain, the log is where events come from: that is no gap."""
        return asyncio.get_running_loop().time() - self._joined_at < JOINING_SECONDS

    def _note_unheard(self, seqs: set[int]) -> None:
        """Count a gap for these events of the log, unless they arrive after all."""
        if seqs and not self._is_joining():
            self._unheard |= seqs
            asyncio.get_running_loop().call_later(LOST_AFTER, self._count_lost, seqs)

    def _count_lost(self, seqs: set[int]) -> None:
        if lost := seqs & self._unheard:
            self._unheard -= lost
            counts.gaps_found += 1
            counts.gaps_filled += 1

    def _hand_on(self) -> bool:
        """Give the readers what is in order; True when nothing is missing after that."""
        complete = True
        while fact := self._early.pop(self.seq + 1, None):
            self.seq = fact.seq
            for reader in tuple(self.readers):
                complete &= reader.take_fact(fact)
        return complete and not self._early

    async def _catch_up(self) -> None:
        try:
            while True:
                await asyncio.sleep(LATE_PATIENCE)
                self._hand_on()
                if not self._misses_something():
                    return
                try:
                    await self._fetch()
                except Error as failure:
                    logger.warning("live_log_unreachable", error=type(failure).__name__, feed=self.name)
                    await asyncio.sleep(DATABASE_PATIENCE)
                except Exception:  # a fault of ours: the next event or the sweep tries again
                    logger.exception("live_catch_up_failed", feed=self.name)
                    return
        finally:
            self._catching_up = None

    def _misses_something(self) -> bool:
        return bool(self.readers) and (self._is_behind() or any(reader.seq < self.seq for reader in self.readers))

    def _is_behind(self) -> bool:
        return self.seq < self._known_head or bool(self._early) or self._missing_text is not None

    async def _fetch(self) -> None:
        missing_text, self._missing_text = self._missing_text, None
        # What is known before the log is read is in it or nowhere; what is heard meanwhile may be newer.
        was, known_head, early = self.seq, self._known_head, set(self._early)
        since, reader = min(reader.seq for reader in self.readers), next(iter(self.readers))
        replay, texts = await in_database_thread(read_with_texts, self.name, since, reader.stored_texts)
        self._early = {seq: fact for seq, fact in self._early.items() if seq not in early}
        if replay.head < was:
            self._resync(replay.head)
            return
        if not replay.complete:
            counts.gaps_found += 1
            self._resync(max(replay.head, self.seq))  # never back behind what was heard meanwhile
            return
        # Of a reader that is behind the feed nothing is missing here.
        self._note_unheard({fact.seq for fact in replay.facts if fact.seq > was and fact.seq not in early})
        for fact in replay.facts:
            piece = texts.get(fact.text_id) if fact.text_id is not None else None
            for reader in tuple(self.readers):
                if piece is not None:
                    reader.take_text(piece, anyhow=True)
                reader.take_fact(fact, anyhow=True)
            self.seq = max(self.seq, fact.seq)
        if self._known_head == known_head:
            self._known_head = self.seq
        self._early = {seq: fact for seq, fact in self._early.items() if seq > self.seq}
        if missing_text is not None and self.readers:
            so_far = await next(iter(self.readers)).running_text(missing_text)
            if so_far is not None:
                for reader in tuple(self.readers):
                    reader.take_text(so_far, anyhow=True)

    def _resync(self, head: int) -> None:
        self.seq = self._known_head = head
        self._early = {seq: fact for seq, fact in self._early.items() if seq > head}
        for reader in tuple(self.readers):
            if reader.seq != head:
                reader.resync(head)


def read_with_texts(
    name: str, since: int | None, stored_texts: Callable[[Sequence[int]], Sequence[Piece]]
) -> tuple[Replay, dict[int, Piece]]:
    """A replay and, for facts that end a text, that text: who missed the end may have missed its last words too."""
    replay = feeds.read(name, since)
    if replay.facts:
        # Whoever reads the same feed on the same hop shares the frames, and does not hold a copy of each.
        shared: dict[int, Fact] = once_per_hop(("facts", name), dict)
        replay = Replay(replay.head, [shared.setdefault(fact.seq, fact) for fact in replay.facts], replay.complete)
    ended = [fact.text_id for fact in replay.facts if fact.text_id is not None and fact.text_length]
    return replay, {piece.text_id: piece for piece in stored_texts(ended)} if ended else {}


class Hub:
    """All feeds of this process, over one channel of the layer."""

    def __init__(self) -> None:
        self.passes = Passes()
        self._layer = live_layer()
        self._channel: asyncio.Future[str] | None = None
        self._feeds: dict[str, LiveFeed] = {}
        self._listeners: dict[str, Callable[[Any], None]] = {}
        self._to_check: set[str] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, name: str, reader: Reader, head: int) -> LiveFeed:
        """Subscribe to a feed that was read up to `head`. The reader then `add`s itself, or leaves."""
        await self.listen(BUNDLES, self._hear_bundle)
        await self.listen(OUTAGES, self._hear_of_outage)
        feed = self._feeds.get(name)
        if feed is None:
            feed = self._feeds[name] = LiveFeed(name, head)
            feed.subscription = jobs.spawn(self._subscribe(name))
            self._recheck_soon(name)
        feed.expected.add(reader)
        if feed.subscription is not None:
            try:
                await asyncio.shield(feed.subscription)
            except BaseException:  # whatever it was: the next one to come begins anew
                self.leave(feed, reader)
                raise
        return feed

    def leave(self, feed: LiveFeed, reader: Reader) -> None:
        feed.readers.discard(reader)
        feed.expected.discard(reader)
        if not feed.readers and not feed.expected and self._feeds.get(feed.name) is feed:
            del self._feeds[feed.name]
            feed.close()
            self._run(self._unsubscribe(feed.name))

    def readers_by_kind(self) -> Counter[str]:
        """How many sockets are open, by the kind of what they listen to: `chat.room`."""
        kinds: Counter[str] = Counter()
        for feed in self._feeds.values():
            kinds[feed.name.rpartition(".")[0]] += len(feed.readers)
        return kinds

    async def listen(self, group: str, callback: Callable[[Any], None]) -> None:
        """Have `callback` called in this process with each `call`'s data, or each hint's frame, to a group."""
        if group not in self._listeners:
            self._listeners[group] = callback
            await self._subscribe(group)

    async def watch_passes(self) -> None:
        """Called before rights are read: what ends from then on is heard of."""
        await self.listen(ENDED_DEVICES, self.passes.hear_ended)

    async def _subscribe(self, group: str) -> None:
        if self._sweeping is None:
            self._sweeping = jobs.spawn(self._sweep())
            self._watching = jobs.spawn(self._watch())
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
                self._hear(await self._layer.receive(channel))
            except Exception:  # this loop serves every socket: one bad message must not end it
                logger.exception("live_message_failed")
                await asyncio.sleep(LATE_PATIENCE)

    def _hear_bundle(self, messages: Sequence[LayerMessage]) -> None:
        for message in messages:
            self._hear(message)

    def _hear(self, message: LayerMessage) -> None:
        group = message["group"]
        if listener := self._listeners.get(group):
            listener(message["data"] if message["type"] == "live.call" else message["frame"])
            return
        feed = self._feeds.get(group)
        if feed is None:
            return
        match message["type"]:
            case "live.text":
                feed.hear_text(
                    Piece(message["text_id"], message["after"], message["offset"], message["length"], message["frame"])
                )
            case "live.fact":
                feed.hear_fact(Fact(message["seq"], message["frame"], message["text_id"], message["text_length"]))
            case "live.hint":
                for reader in tuple(feed.readers):
                    # One that was not sent the event before it may lose the right to see it by that event.
                    if message.get("after", 0) <= reader.seq:
                        reader.take_hint(message["frame"])
            case "live.recheck":
                for reader in tuple(feed.readers):
                    reader.take_recheck()
            case "live.event":
                for reader in tuple(feed.readers):
                    reader.take_event(message)

    def _recheck_soon(self, name: str) -> None:
        for delay in RECHECK_DELAYS:
            asyncio.get_running_loop().call_later(delay, self._check_soon, name)

    def _check_soon(self, name: str) -> None:
        self._to_check.add(name)
        if len(self._to_check) == 1:
            self._run(self._check())

    async def _check(self) -> None:
        # One query for all that were joined at about the same time.
        await asyncio.sleep(LATE_PATIENCE)
        names, self._to_check = self._to_check, set()
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
            await self._look()

    async def _look(self) -> None:
        """Find what the layer lost: events, the ends of sign-ins, and changes of rights."""
        for look in (partial(self._compare, list(self._feeds)), self._check_passes, self._check_rights):
            try:
                await look()
            except Error as failure:
                logger.warning("live_log_unreachable", error=type(failure).__name__)  # the next sweep looks again
            except Exception:
                logger.exception("live_sweep_failed")

    async def _watch(self) -> None:
        """Once the layer is back, have every process look into the log, and not only with its next sweep.

        Whoever could not send knows of it. It is told twice, for those whose subscriptions come back a moment later.
        """
        outage, to_tell = self._layer.outage, 0
        while True:
            await asyncio.sleep(OUTAGE_PATIENCE)
            if outage.failures:
                to_tell = 2
            if to_tell:
                try:
                    await self._layer.group_send(OUTAGES, {"type": "live.call", "group": OUTAGES, "data": None})
                except LAYER_DOWN as failure:
                    outage.failed(failure)
                    continue
                except Exception:  # as in the sweep
                    logger.exception("live_watch_failed")
                    continue
                outage.is_over()
                to_tell -= 1

    def _hear_of_outage(self, data: None) -> None:
        self._run(self._look())

    async def _compare(self, names: Iterable[str]) -> None:
        was = {name: self._feeds[name].seq for name in names if name in self._feeds}
        if not was:
            return
        heads = await in_database_thread(feeds.heads_now, was)
        for name, seq in was.items():
            if feed := self._feeds.get(name):
                feed.compare(heads[name], was=seq)

    async def _check_passes(self) -> None:
        shown = self.passes.shown()
        if shown:
            self.passes.keep(await in_database_thread(guard().still_good, shown), of=shown)

    async def _check_rights(self) -> None:
        """Reauthenticate every socket whose user may have lost the right to listen, visitors' too."""
        kinds: defaultdict[type[Reader], list[Reader]] = defaultdict(list)
        for feed in self._feeds.values():
            for reader in feed.readers:
                kinds[type(reader)].append(reader)
        for kind, readers in kinds.items():
            allowed = set(await in_database_thread(kind.still_allowed, readers))
            for reader in readers:
                if reader not in allowed:
                    reader.take_recheck()

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


async def end_device(device: str) -> None:
    """A device was signed out: close its sockets, in every process."""
    await call(ENDED_DEVICES, device)


async def recheck(group: str) -> None:
    """Rights have changed: have every socket of a group ask again whether it may listen, and close if not."""
    await _send(group, {"type": "live.recheck", "group": group})


async def _send(group: str, message: LayerMessage) -> None:
    try:
        await live_layer().group_send(group, message)
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
