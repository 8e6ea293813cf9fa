"""One feed in one process: puts events in order, and reads what is missing from the log once for all local sockets."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, Self

import structlog
from django.db import Error

from live import feeds
from live.feeds import Fact, Replay
from live.metrics import counts
from live.texts import Piece
from runtime import jobs
from runtime.threads import in_database_thread, once_per_hop

logger = structlog.get_logger(__name__)

LATE_PATIENCE = 0.05  # seconds: what is missing may only be late
LOST_AFTER = 1.0  # seconds: an event that was read from the log and does not arrive by then was lost
JOINING_SECONDS = 2.0  # in which a feed is read again because its subscription was confirmed late
DATABASE_PATIENCE = 1.0  # seconds between two tries to read the log


class Reader(Protocol):
    """One socket as the hub sees it. Its `take_…` say False when something that comes before is missing.

    `anyhow` is for what was just read from the log or the buffer: nothing more of what comes before will be found.
    """

    seq: int

    def take_fact(self, fact: Fact, *, anyhow: bool = False) -> bool: ...
    def take_text(self, piece: Piece, *, anyhow: bool = False) -> bool: ...
    def take_hint(self, frame: str) -> None: ...
    def take_recheck(self) -> None: ...
    def resync(self, head: int) -> None: ...
    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[Piece]: ...
    async def running_text(self, text_id: int) -> Piece | None: ...
    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]: ...


class LocalFeed:
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
