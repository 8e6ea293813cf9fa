"""Tests the migration of rooms that were created before messages had numbers."""

from importlib import import_module
from typing import Any
from unittest import mock

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import TransactionTestCase


class NumberTests(TransactionTestCase):
    def tearDown(self) -> None:
        self.migrate(None)

    def migrate(self, name: str | None) -> Any:
        executor = MigrationExecutor(connection)
        newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "chat"]
        executor.migrate([("chat", name)] if name else newest)
        return MigrationExecutor(connection).loader.project_state([("chat", name)] if name else newest).apps

    def test_messages_that_are_there_already_are_numbered_in_their_rooms(self) -> None:
        old = self.migrate("0002_message_words")
        users, rooms = old.get_model("accounts", "User"), old.get_model("chat", "GroupChat")
        messages, members = old.get_model("chat", "ChatMessage"), old.get_model("chat", "ChatMember")
        user = users.objects.create(email="bob@example.com", display_name="Bob")
        tea, rice, empty = [rooms.objects.create(title=title) for title in ("Tea", "Rice", "Empty")]
        output = [messages.objects.create(group_chat=(tea, rice)[n % 2], content=f"{n}") for n in range(8)]
        for room, read in ((tea, output[2].pk), (rice, 0), (empty, 0)):
            members.objects.create(group_chat=room, user=user, last_read_message_id=read)

        with mock.patch.object(import_module("chat.migrations.0004_number_messages"), "BATCH", 3):
            new = self.migrate("0005_number_is_unique")

        numbers = new.get_model("chat", "ChatMessage").objects.order_by("pk").values_list("number", flat=True)
        assert list(numbers) == [1, 1, 2, 2, 3, 3, 4, 4]
        rooms = new.get_model("chat", "GroupChat").objects.order_by("pk").values_list("last_number", flat=True)
        assert list(rooms) == [4, 4, 0]
        members = new.get_model("chat", "ChatMember").objects.order_by("pk").values_list("last_read_number", flat=True)
        assert list(members) == [2, 0, 0]
