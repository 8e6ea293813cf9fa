"""Tests the migrations for search on tables with rows: they run in batches, can be repeated, and don't need pg_trgm."""

from contextlib import redirect_stdout
from io import StringIO
from unittest import mock, skipUnless

from django.apps import apps
from django.db import connection, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.test import TestCase, TransactionTestCase

from assistants.factories import AssistantConversationFactory
from assistants.models import AssistantConversation
from chat.factories import ChatMessageFactory
from chat.models import ChatMessage
from core.migration_operations import AddIndexOnline, AddTrigramIndex, fill_search_text
from core.search_text import finds_by_index
from discussion.factories import DiscussionTopicFactory
from discussion.models import DiscussionTopic

on_postgresql = skipUnless(connection.vendor == "postgresql", "indexes are built concurrently on PostgreSQL only")


class FillTests(TestCase):
    def test_rows_of_the_release_before_get_their_search_text_batch_by_batch(self) -> None:
        for _ in range(5):
            ChatMessageFactory.create(content="Ein Kuß")
            DiscussionTopicFactory.create(title="Ein Kuß", content="Süß!")
            AssistantConversationFactory.create(title="Ein Kuß")
        ChatMessageFactory.create(content="", content_html="", is_deleted=True)
        for model, text in (
            (ChatMessage, "ein kuss"),
            (DiscussionTopic, "ein kuss\nsuss!"),
            (AssistantConversation, "ein kuss"),
        ):
            with self.subTest(model.__name__), mock.patch("core.migration_operations.BATCH", 2):
                model._default_manager.update(search_text="")

                fill_search_text(model, "default")

                texts = list(model._default_manager.values_list("search_text", flat=True))
                assert sorted(filter(None, texts)) == [text] * 5

    def test_a_row_that_a_process_of_the_release_before_writes_needs_no_search_text(self) -> None:
        message = ChatMessageFactory.create()
        columns = (
            "group_chat_id, number, content, content_html, mentions, created_at, updated_at, is_edited, is_deleted"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO chat_chatmessage ({columns}) SELECT {columns.replace('number', 'number + 1')} "  # noqa: S608  # no input
                "FROM chat_chatmessage"
            )
        assert ChatMessage.objects.exclude(pk=message.pk).get().search_text == ""


@on_postgresql
class IndexTests(TransactionTestCase):
    def run_forwards(self, operation: Operation, app_label: str) -> str:
        printed = StringIO()
        state = ProjectState.from_apps(apps)
        with redirect_stdout(printed), connection.schema_editor(atomic=False) as editor:
            operation.database_forwards(app_label, editor, state, state)
        return printed.getvalue()

    def test_without_pg_trgm_the_migration_prints_a_note_and_continues(self) -> None:
        for _ in range(2):
            printed = self.run_forwards(AddTrigramIndex("chatmessage", "chat_message_trigrams"), "chat")
            assert finds_by_index("chat_message_trigrams", ["words"]) != ("works without an index" in printed)

    def test_an_index_that_an_interrupted_migration_left_behind_is_built_again(self) -> None:
        index = models.Index(fields=["-updated_at", "-id"], name="conversations_by_activity")
        validity = "FROM pg_index WHERE indexrelid = 'conversations_by_activity'::regclass"
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'conversations_by_activity'::regclass"
            )

            self.run_forwards(AddIndexOnline("assistantconversation", index), "assistants")

            cursor.execute(f"SELECT indisvalid {validity}")
            assert cursor.fetchone() == (True,)
