"""The migration that moves the tables of feeds from `core` to `live` keeps all rows, in both directions."""

import json
from datetime import timedelta
from typing import Any
from unittest import skipUnless

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import TransactionTestCase

from live import feeds
from live.models import Feed, FeedEvent, FeedFloor
from live.tests.notes import NoteWritten

BEFORE = ("core", "0007_idempotency_key_object")
RENAMED = ("core", "0008_feeds_move_to_live")
AFTER = ("live", "0001_initial")


def migrate(*targets: tuple[str, str]) -> Any:
    MigrationExecutor(connection).migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


class MoveTests(TransactionTestCase):
    def tearDown(self) -> None:
        migrate(RENAMED, AFTER)
        ContentType.objects.clear_cache()

    def test_feeds_events_and_permissions_of_the_release_before_are_kept(self) -> None:
        may_view = Permission.objects.get(content_type__app_label="live", codename="view_feedevent")
        old = migrate(BEFORE)
        old_feed, old_event = old.get_model("core", "Feed"), old.get_model("core", "FeedEvent")
        feed = old_feed.objects.create(name="chat.room.1", head=2)
        for seq in (1, 2):
            event = old_event.objects.create(
                feed=feed, seq=seq, frame=json.dumps({"seq": seq}), size=9, object_key=f"chat.message:{seq}"
            )
        old.get_model("core", "FeedFloor").objects.create(head=41)
        assert Permission.objects.filter(content_type__app_label="core", codename="view_feedevent").exists()

        migrate(RENAMED, AFTER)

        assert feeds.read("chat.room.1", 0) == feeds.Replay(
            2, [feeds.Event(1, '{"seq": 1}'), feeds.Event(2, '{"seq": 2}')], True
        )
        kept = FeedEvent.objects.get(seq=2)
        assert (kept.pk, kept.object_key, kept.size) == (event.pk, "chat.message:2", 9)
        assert event.created_at - kept.created_at < timedelta(seconds=1)
        assert feeds.head("a feed that is new") == 41
        moved = Permission.objects.get(codename="view_feedevent")
        assert (moved.pk, moved.content_type.app_label) == (may_view.pk, "live")

    def test_ids_and_numbers_continue_after_the_move(self) -> None:
        old = migrate(BEFORE)
        feed = old.get_model("core", "Feed").objects.create(name="chat.room.1", head=1)
        event = old.get_model("core", "FeedEvent").objects.create(feed=feed, seq=1, frame="{}")

        migrate(RENAMED, AFTER)
        with feeds.write("chat.room.1", "chat.room.2") as (first, second):
            first.publish(NoteWritten.of(1))
            second.publish(NoteWritten.of(2))

        assert list(Feed.objects.order_by("pk").values_list("name", "head")) == [("chat.room.1", 2), ("chat.room.2", 1)]
        assert all(pk > event.pk for pk in FeedEvent.objects.exclude(pk=event.pk).values_list("pk", flat=True))
        feeds.delete(["chat.room.1"])  # also deletes its events, by the foreign key that was moved too
        assert FeedEvent.objects.count() == 1

    def test_the_move_can_be_undone(self) -> None:
        with feeds.write("chat.room.1") as feed:
            feed.publish(NoteWritten.of(1))
        FeedFloor.objects.create(head=7)

        old = migrate(BEFORE)

        assert list(old.get_model("core", "FeedEvent").objects.values_list("feed__name", "seq")) == [("chat.room.1", 1)]
        assert old.get_model("core", "FeedFloor").objects.get().head == 7

    @skipUnless(connection.vendor == "postgresql", "SQLite has one process, which is replaced as a whole")
    def test_processes_of_the_release_before_go_on_writing_and_reading(self) -> None:
        with feeds.write("chat.room.1") as feed:
            feed.publish(NoteWritten.of(1))

        with connection.cursor() as cursor:
            for name, head in (("chat.room.1", 2), ("chat.room.2", 1)):
                # These are the statements of the previous release.
                cursor.execute(
                    "INSERT INTO core_feed (name, head) VALUES (%s, 1) "
                    "ON CONFLICT (name) DO UPDATE SET head = core_feed.head + 1 RETURNING id, name, head",
                    [name],
                )
                pk, *found = cursor.fetchone()
                assert found == [name, head]
                cursor.execute(
                    "INSERT INTO core_feedevent "
                    "(feed_id, seq, frame, text_id, text_length, object_key, named_user, size, created_at) "
                    "VALUES (%s, %s, '{}', NULL, NULL, NULL, NULL, 2, now())",
                    [pk, head],
                )
            cursor.execute("SELECT seq FROM core_feedevent ORDER BY id FOR UPDATE SKIP LOCKED")
            assert [seq for (seq,) in cursor.fetchall()] == [1, 2, 1]

        assert [event.seq for event in feeds.read("chat.room.1", 0).events] == [1, 2]
        assert feeds.head("chat.room.2") == 1
