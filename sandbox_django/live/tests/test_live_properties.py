"""Runs random histories in which pages connect and disconnect and the layer loses messages, then checks all pages.

Time is virtual (test_utils/virtual_time.py), so that the tests use the real delays of the live core without waiting,
and a failed history can be repeated.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from django.test import TransactionTestCase, override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from live import feeds, hub, local_feed
from live.tests.live_rooms import Delivery, FaultyLayer, Page, Room
from live.tests.notes import layer_in_use
from test_utils import virtual_time

ROOM_OF_PAGE = (0, 0, 0, 1)
# Once messages are no longer lost, all events are delivered within this time: a sweep and the reads that it starts.
HEALED = hub.SWEEP_INTERVAL + 2 * local_feed.REORDER_DELAY + 1.0

rooms = st.sampled_from(ROOM_OF_PAGE)
pages = st.integers(0, len(ROOM_OF_PAGE) - 1)
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.01, 0.01, 0.06, 0.3, 1.2, 30.0])
# Characters of one, two, three and four bytes, including right-to-left and combining ones.
words = st.text(st.sampled_from('aß€🍚👩\u200d🔬\u0301שلم\n"\\'), min_size=1, max_size=6)
# Failures come in bursts, because a single lost message seldom reveals a bug.
deliveries = st.lists(
    st.tuples(
        st.one_of(
            st.builds(Delivery),
            st.just(Delivery(arrives_after=())),
            st.builds(Delivery, st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.07, 1.5]), max_size=2).map(tuple)),
            st.just(Delivery(layer_is_down=True)),
        ),
        st.integers(1, 8),
    ),
    min_size=3,
    max_size=20,
).map(lambda spells: [delivery for delivery, times in spells for _ in range(times)])
handoffs = st.sampled_from([0.0, 0.0, 0.001, 0.03, 0.2, 1.3])


@dataclass
class World:
    """The rooms and pages of one history, and their layer."""

    layer: FaultyLayer
    rooms: list[Room] = field(default_factory=lambda: [Room(), Room()])

    def __post_init__(self) -> None:
        self.pages = [Page(self.rooms[room]) for room in ROOM_OF_PAGE]


class Step:
    async def take(self, world: World) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Write(Step):
    room: int
    amount: int

    async def take(self, world: World) -> None:
        world.rooms[self.room].write(self.amount)


@dataclass(frozen=True)
class WriteInBoth(Step):
    async def take(self, world: World) -> None:
        with feeds.write(*(room.name for room in world.rooms)) as writers:
            for room, writer in zip(world.rooms, writers, strict=True):
                room.note(writer)


@dataclass(frozen=True)
class Speak(Step):
    """Appends to the running text, or begins a new text, perhaps right after another has ended."""

    room: int
    new_stream: bool
    words: Sequence[str]

    async def take(self, world: World) -> None:
        room = world.rooms[self.room]
        if room.running and self.new_stream:
            room.end_stream()
        if room.running is None:
            room.start_stream()
        for content in self.words:
            await room.grow(content)


@dataclass(frozen=True)
class FallSilent(Step):
    room: int

    async def take(self, world: World) -> None:
        if world.rooms[self.room].running:
            world.rooms[self.room].end_stream()


@dataclass(frozen=True)
class Open(Step):
    page: int
    fetch_first: bool

    async def take(self, world: World) -> None:
        if not world.pages[self.page].is_listening:
            world.pages[self.page].open(fetch_first=self.fetch_first)


@dataclass(frozen=True)
class Leave(Step):
    page: int

    async def take(self, world: World) -> None:
        world.pages[self.page].leave()


@dataclass(frozen=True)
class Check(Step):
    """Makes a page stop or continue reading."""

    page: int
    away: bool

    async def take(self, world: World) -> None:
        page = world.pages[self.page]
        page.stop_reading() if self.away else page.resume_reading()


@dataclass(frozen=True)
class Prune(Step):
    """Prunes the log."""

    keep: int

    async def take(self, world: World) -> None:
        with override_settings(LIVE_KEEP_EVENTS=self.keep):
            feeds.prune()


steps = st.one_of(
    st.builds(Write, rooms, st.integers(1, 3)),
    st.builds(WriteInBoth),
    # Texts are the most error-prone, so this step is the most frequent.
    st.builds(Speak, rooms, st.booleans(), st.lists(words, max_size=4)),
    st.builds(Speak, rooms, st.booleans(), st.lists(words, max_size=4)),
    st.builds(Speak, rooms, st.booleans(), st.lists(words, max_size=4)),
    st.builds(FallSilent, rooms),
    st.builds(Open, pages, st.booleans()),
    st.builds(Open, pages, st.booleans()),
    st.builds(Leave, pages),
    st.builds(Check, pages, st.booleans()),
    st.builds(Prune, st.integers(0, 5)),
)


class NothingLostNothingTwiceTests(TransactionTestCase):
    @pytest.mark.timeout(600)  # much longer than needed, for busy machines
    def test_a_page_that_follows_the_contract_has_the_stored_state(self) -> None:
        # Hypothesis is applied to an inner function. Applied to the test method, it would empty the tables before each
        # of 200 histories.
        @settings(max_examples=200, deadline=None, derandomize=True, database=None)
        @given(
            script=st.lists(st.tuples(pauses, steps), min_size=10, max_size=50),
            deliveries=deliveries,
            handoffs=st.lists(handoffs, max_size=40),
        )
        def check(script: list[tuple[float, Step]], deliveries: list[Delivery], handoffs: list[float]) -> None:
            layer = FaultyLayer(deliveries)
            with layer_in_use(layer):
                virtual_time.run(self.play(World(layer), script), handoffs=handoffs)

        check()

    async def play(self, world: World, script: list[tuple[float, Step]]) -> None:
        for page in world.pages[::2]:
            page.open()
        for pause, step in script:
            await asyncio.sleep(pause)
            await step.take(world)
        world.layer.deliver_all()
        for room in world.rooms:
            if room.running:
                room.end_stream()
        for page in world.pages:
            page.resume_reading()
        await asyncio.sleep(HEALED)
        for page in world.pages:
            if not page.is_listening:
                page.open()
        await asyncio.sleep(HEALED)
        for page in world.pages:
            assert page.has_everything, (page.shown, page.room.stored())
            page.leave()
