"""The sequence numbers of a feed are always consecutive, and only stored events are sent."""

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import permutations
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from live import feeds
from live.feeds import Replay
from live.models import Feed, FeedEvent
from live.tests.notes import NoteWritten, RecordingLayer, layer_in_use
from test_utils.connections import with_own_connection


class Oops(Exception):
    """An error in the middle of a transaction."""


class FeedCase(TransactionTestCase):
    def setUp(self) -> None:
        self.layer = RecordingLayer()
        self.enterContext(layer_in_use(self.layer))

    def sent(self) -> list[tuple[str, int]]:
        """Returns the feed and sequence number of each sent event, in order."""
        return [(group, message["seq"]) for group, message in self.layer.sent]


def write_notes(name: str, *numbers: int) -> None:
    """Writes a note for each number, each in a transaction of its own."""
    for number in numbers:
        with feeds.write(name) as feed:
            feed.publish(NoteWritten.of(number))


def seqs(replay: Replay) -> list[int]:
    return [event.seq for event in replay.events]


class WriteTests(FeedCase):
    def test_rolled_back_events_take_no_number_and_are_not_sent(self) -> None:
        write_notes("room.1", 7)

        with suppress(Oops), feeds.write("room.1") as feed:
            assert feed.publish(NoteWritten.of(8)) == 2
            raise Oops
        write_notes("room.1", 9)

        assert self.sent() == [("room.1", 1), ("room.1", 2)]
        assert [json.loads(event.frame)["payload"] for event in feeds.read("room.1", 0).events] == [
            {"number": 7},
            {"number": 9},
        ]

    def test_the_first_event_that_is_rolled_back_leaves_no_feed_behind(self) -> None:
        with suppress(Oops), feeds.write("room.1") as feed:
            feed.publish(NoteWritten.of(7))
            raise Oops

        assert not Feed.objects.exists()
        assert self.sent() == []

    def test_numbers_follow_each_other_in_each_feed(self) -> None:
        write_notes("room.1", 7, 8)
        write_notes("room.2", 9)
        with feeds.write("room.1") as feed:
            assert [feed.publish(NoteWritten.of(number)) for number in (10, 11)] == [3, 4]

        assert self.sent() == [("room.1", 1), ("room.1", 2), ("room.2", 1), ("room.1", 3), ("room.1", 4)]
        assert (feeds.head("room.1"), feeds.head("room.2"), feeds.head("room.3")) == (4, 1, 0)
        assert feeds.heads(["room.1", "room.2", "room.3"]) == {"room.1": 4, "room.2": 1}

    def test_the_sent_frame_is_the_stored_one_with_its_number(self) -> None:
        with feeds.write("room.1") as feed:
            feed.publish(NoteWritten.of(7), ends_text=(40, 12))

        (event,) = feeds.read("room.1", 0).events
        assert json.loads(event.frame) == {"action": "note_written", "payload": {"number": 7}, "seq": 1}
        assert (event.text_id, event.text_length) == (40, 12)
        (sent,) = self.layer.sent
        assert sent == ("room.1", feeds.event_message("room.1", event))

    def test_nothing_is_sent_before_the_commit(self) -> None:
        with feeds.write("room.1") as feed:
            feed.publish(NoteWritten.of(7))
            assert self.sent() == []

        assert self.sent() == [("room.1", 1)]

    def test_inside_a_larger_transaction_it_waits_for_that(self) -> None:
        with transaction.atomic():
            write_notes("room.1", 7, 8)
            assert self.sent() == []
            assert feeds.head("room.1") == 2
        assert self.sent() == [("room.1", 1), ("room.1", 2)]

        with suppress(Oops), transaction.atomic():
            write_notes("room.1", 9)
            raise Oops
        assert self.sent() == [("room.1", 1), ("room.1", 2)]
        assert feeds.head("room.1") == 2

    def test_an_inner_failure_that_is_caught_undoes_only_itself(self) -> None:
        with transaction.atomic():
            write_notes("room.1", 7)
            with suppress(Oops), feeds.write("room.1") as feed:
                feed.publish(NoteWritten.of(8))
                raise Oops
            write_notes("room.1", 9)

        assert self.sent() == [("room.1", 1), ("room.1", 2)]
        assert seqs(feeds.read("room.1", 0)) == [1, 2]

    def test_two_feeds_get_their_events_together_or_not_at_all(self) -> None:
        with feeds.write("room.2", "person.1") as (room, user):
            room.publish(NoteWritten.of(7))
            user.publish(NoteWritten.of(8))
            room.publish(NoteWritten.of(9))
        with suppress(Oops), feeds.write("room.2", "person.1") as (room, user):
            room.publish(NoteWritten.of(10))
            user.publish(NoteWritten.of(11))
            raise Oops

        assert sorted(self.sent()) == [("person.1", 1), ("room.2", 1), ("room.2", 2)]
        assert (feeds.head("room.2"), feeds.head("person.1")) == (2, 1)

    def test_writers_come_in_the_order_of_the_names_whatever_the_order_of_the_locks(self) -> None:
        for names in permutations(["b", "c", "a"]):
            with feeds.write(*names) as writers:
                assert tuple(writer.name for writer in writers) == names

    def test_locks_are_taken_in_the_order_of_the_names(self) -> None:
        locked: list[Sequence[str]] = []

        def watch(execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
            if sql.startswith("INSERT INTO live_feed "):
                locked.append(list(params))
            return execute(sql, params, *rest)

        with connection.execute_wrapper(watch), feeds.write("b", "c", "a"):
            pass

        assert locked == [["a", "b", "c"]]

    def test_the_same_feed_named_twice_is_one(self) -> None:
        with feeds.write("room.1", "room.1") as (one, other):
            one.publish(NoteWritten.of(7))
            other.publish(NoteWritten.of(8))

        assert seqs(feeds.read("room.1", 0)) == [1, 2]

    def test_an_empty_write_publishes_nothing(self) -> None:
        with feeds.write("room.1") as feed:
            assert feed.head == 0

        assert self.sent() == []
        assert feeds.read("room.1", 0) == Replay(0, [], complete=True)

    def test_writing_nothing_to_a_feed_that_is_not_there_leaves_none_behind(self) -> None:
        with feeds.write("room.1"):
            pass

        assert not Feed.objects.exists()

    def test_a_layer_that_is_down_breaks_no_write(self) -> None:
        self.layer.is_down = True
        write_notes("room.1", 7)
        self.layer.is_down = False
        write_notes("room.1", 8)

        assert self.sent() == [("room.1", 2)]
        assert seqs(feeds.read("room.1", 0)) == [1, 2]

    def test_messages_during_a_send_are_sent_after_it_and_together(self) -> None:
        batches: list[list[int]] = []

        class SlowLayer(RecordingLayer):
            async def group_send_many(self, messages: Any) -> None:
                batch = [message["seq"] for _, message in messages]
                batches.append(batch)
                if batch == [1]:
                    # Sends on the event loop while the first batch is being sent.
                    await feeds._send([("room.1", {"seq": 2})])
                    await feeds._send([("room.1", {"seq": 3}), ("room.1", {"seq": 4})])

        with layer_in_use(SlowLayer()):
            async_to_sync(feeds._send)([("room.1", {"seq": 1})])

        assert batches == [[1], [2, 3, 4]]


class ReadTests(TestCase):
    def setUp(self) -> None:
        write_notes("room.1", 11, 12, 13)

    def test_a_socket_ahead_of_the_feed_has_to_fetch_again(self) -> None:
        assert feeds.read("room.1", 4) == Replay(3, (), complete=False)
        assert feeds.read("unknown", 1) == Replay(0, (), complete=False)

    def test_a_client_that_misses_pruned_events_has_to_fetch_again(self) -> None:
        FeedEvent.objects.filter(seq=1).delete()

        assert feeds.read("room.1", 0) == Replay(3, (), complete=False)
        assert seqs(feeds.read("room.1", 1)) == [2, 3]

    def test_a_hole_in_the_middle_is_never_passed_over(self) -> None:
        FeedEvent.objects.filter(seq=2).delete()

        assert feeds.read("room.1", 0) == Replay(3, (), complete=False)
        assert seqs(feeds.read("room.1", 2)) == [3]

    def test_a_client_that_misses_too_much_has_to_fetch_again(self) -> None:
        with mock.patch.object(feeds, "REPLAY_LIMIT", 2):
            assert feeds.read("room.1", 0) == Replay(3, (), complete=False)
            assert seqs(feeds.read("room.1", 1)) == [2, 3]

    def test_a_client_that_misses_too_many_bytes_has_to_fetch_again(self) -> None:
        size = FeedEvent.objects.get(seq=3).size
        with mock.patch.object(feeds, "REPLAY_BYTES", 2 * size):
            assert feeds.read("room.1", 0) == Replay(3, (), complete=False)
            assert seqs(feeds.read("room.1", 1)) == [2, 3]
            FeedEvent.objects.filter(seq=3).update(text_length=1)  # this text would be replayed with the event
            assert not feeds.read("room.1", 1).complete

    def test_without_since_only_the_head_is_sent(self) -> None:
        assert feeds.read("room.1", None) == Replay(3, (), complete=True)
        assert feeds.read("unknown", None) == Replay(0, (), complete=True)

    def test_events_after_since_arrive_in_order(self) -> None:
        assert seqs(feeds.read("room.1", 0)) == [1, 2, 3]
        assert seqs(feeds.read("room.1", 2)) == [3]
        assert feeds.read("room.1", 3) == Replay(3, [], complete=True)
        assert feeds.read("unknown", 0) == Replay(0, [], complete=True)

    def test_a_feed_takes_one_query_to_read(self) -> None:
        with self.assertNumQueries(1):
            feeds.read("room.1", 0)
        with self.assertNumQueries(1):
            feeds.heads(["room.1", "room.2"])


class PruneTests(TestCase):
    def setUp(self) -> None:
        write_notes("room.1", 11, 12, 13, 14, 15)
        write_notes("room.2", 21)

    @override_settings(LIVE_KEEP_DAYS=7)
    def test_old_events_are_pruned(self) -> None:
        days = timedelta(days=1)
        now = timezone.now()
        FeedEvent.objects.filter(feed__name="room.1", seq__lte=2).update(created_at=now - 8 * days)
        FeedEvent.objects.filter(feed__name="room.1", seq=3).update(created_at=now - 6 * days)

        assert feeds.prune() == 2

        assert seqs(feeds.read("room.1", 2)) == [3, 4, 5]
        assert not feeds.read("room.1", 1).complete
        assert feeds.prune(now=now + 2 * days) == 1
        assert seqs(feeds.read("room.1", 3)) == [4, 5]

    @override_settings(LIVE_KEEP_EVENTS=2)
    def test_all_but_the_newest_of_each_feed_are_forgotten(self) -> None:
        assert feeds.prune() == 3

        assert seqs(feeds.read("room.1", 3)) == [4, 5]
        assert not feeds.read("room.1", 2).complete
        assert seqs(feeds.read("room.2", 0)) == [1]
        assert feeds.prune() == 0

    @override_settings(LIVE_KEEP_EVENTS=0)
    def test_numbers_continue_after_everything_was_pruned(self) -> None:
        call_command("prune_feeds", stdout=mock.Mock())
        write_notes("room.1", 16)

        assert seqs(feeds.read("room.1", 5)) == [6]
        assert not feeds.read("room.1", 0).complete

    @override_settings(LIVE_KEEP_BYTES=200)
    def test_a_feed_keeps_only_so_many_bytes(self) -> None:
        sizes = FeedEvent.objects.filter(feed__name="room.1").order_by("-seq").values_list("size", flat=True)
        kept = 200 // max(sizes)
        assert 1 < kept < 5

        assert feeds.prune() == 5 - kept

        assert len(feeds.read("room.1", 5 - kept).events) == kept
        assert not feeds.read("room.1", 0).complete
        assert seqs(feeds.read("room.2", 0)) == [1]

    @override_settings(LIVE_KEEP_DAYS=7)
    def test_more_than_one_batch_is_deleted(self) -> None:
        with mock.patch.object(feeds, "BATCH", 2):
            assert feeds.prune(now=timezone.now() + timedelta(days=8)) == 6

        assert not FeedEvent.objects.exists()

    def test_an_empty_feed_is_removed_and_its_numbers_are_not_used_again(self) -> None:
        feeds.prune(now=timezone.now() + timedelta(days=8))
        assert not Feed.objects.exists()

        # The head of a feed without a row is the floor, here 5. A client at 5 is up to date and gets no resync.
        assert feeds.head("room.1") == 5
        assert feeds.read("room.1", 5) == Replay(5, [], complete=True)
        assert feeds.current_heads({"room.1": 5, "room.2": 1, "restored": 9}) == {
            "room.1": 5,
            "room.2": 1,
            "restored": 0,
        }

        write_notes("room.2", *range(100))

        assert feeds.head("room.2") == 105
        for since in (0, 1, 4):
            assert not feeds.read("room.2", since).complete
        assert len(feeds.read("room.2", 5).events) == 100

    def test_a_feed_that_is_written_to_again_stays(self) -> None:
        FeedEvent.objects.all().delete()
        write_notes("room.2", 22)

        feeds.prune()

        assert seqs(feeds.read("room.2", 1)) == [2]
        assert list(Feed.objects.values_list("name", flat=True)) == ["room.2"]

    def test_feeds_of_objects_that_are_gone_are_removed_whatever_deleted_them(self) -> None:
        group = Group.objects.create(name="there")
        with mock.patch.dict(feeds._objects, {"group.": Group}):
            write_notes(f"group.{group.pk}", 1)
            write_notes(f"group.{group.pk + 1}", 1)

            feeds.prune()

        assert set(Feed.objects.values_list("name", flat=True)) == {"room.1", "room.2", f"group.{group.pk}"}


class ConcurrencyTests(FeedCase):
    """Several threads, each with its own connection, write to overlapping sets of feeds in different orders."""

    SETS = (("a", "b"), ("b", "a"), ("a",), ("b", "c"), ("c", "a"), ("c", "b", "a"), ("d",), ("d", "a"))
    WRITERS = 6
    WRITES = 20  # by each writer

    def test_numbers_ids_and_commits_agree_and_no_writer_waits_for_ever(self) -> None:
        writers_are_done = threading.Event()
        start = threading.Barrier(self.WRITERS + 1)

        with ThreadPoolExecutor(self.WRITERS + 1) as pool:
            reader = pool.submit(with_own_connection, self.follow, start, writers_are_done)
            writers = [pool.submit(with_own_connection, self.write, start, number) for number in range(self.WRITERS)]
            try:
                written = [pair for writer in writers for pair in writer.result(60)]
            finally:
                writers_are_done.set()
            seen = reader.result(60)

        for name in "abcd":
            replay = feeds.read(name, 0)
            rows = [json.loads(event.frame)["payload"]["number"] for event in replay.events]
            assert replay.complete
            assert seqs(replay) == list(range(1, replay.head + 1))
            assert rows == sorted(rows), "a later number has an earlier row"
            assert sorted(rows) == sorted(row for feed, row in written if feed == name), "not what the writers wrote"
            assert seen[name] == list(replay.events), "whoever read meanwhile saw something else"
        assert len(self.sent()) == len(set(self.sent())) == len(written)

    def write(self, start: threading.Barrier, number: int) -> list[tuple[str, int]]:
        """Writes to random sets of feeds; returns the feed and row id of each note."""
        choose = random.Random(number)  # noqa: S311  # no secret
        written = []
        start.wait(60)
        for turn in range(self.WRITES):
            names = choose.choice(self.SETS)
            rollback = choose.random() < 0.15
            try:
                with feeds.write(*names) as feed:
                    row = Group.objects.create(name=f"{number}-{turn}").pk
                    for writer in feed if isinstance(feed, tuple) else (feed,):
                        writer.publish(NoteWritten.of(row))
                    if rollback:
                        raise Oops
            except Oops:
                continue
            written += [(name, row) for name in names]
        return written

    def follow(self, start: threading.Barrier, writers_are_done: threading.Event) -> dict[str, list[feeds.Event]]:
        """Reads new events repeatedly, as reconnecting sockets do. An event that is skipped here would be lost."""
        seen: dict[str, list[feeds.Event]] = {name: [] for name in "abcd"}
        start.wait(60)
        is_last_round = False
        while not is_last_round:
            is_last_round = writers_are_done.is_set()
            for name, events in seen.items():
                replay = feeds.read(name, len(events))
                assert replay.complete
                assert seqs(replay) == list(range(len(events) + 1, replay.head + 1))
                events += replay.events
        return seen
