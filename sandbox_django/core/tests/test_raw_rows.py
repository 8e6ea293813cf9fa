import uuid
from typing import Any

import pytest
from django.db import IntegrityError, models
from django.http import Http404
from django.test import TestCase
from django.utils import timezone

from accounts.models import SignIn, User
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import MessageType
from core.raw_rows import find, find_or_404, insert
from test_utils.users import alice


def values_of(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


class FindTests(TestCase):
    """`find` returns the same as the ORM."""

    def test_a_missing_row_is_none(self) -> None:
        assert find(AssistantConversation, id=uuid.uuid4()) is None

    def test_all_of_the_fields_have_to_be_equal(self) -> None:
        hers = AssistantConversation.objects.create(user=alice())
        assert find(AssistantConversation, id=hers.pk, user_id=2**40) is None

    def test_none_finds_what_has_nothing_there_and_nothing_else(self) -> None:
        hers = AssistantConversation.objects.create(user=alice())
        nobodys = AssistantConversation.objects.create()
        assert find(AssistantConversation, id=hers.pk, user_id=None) is None
        assert find(AssistantConversation, id=nobodys.pk, user_id=None) == nobodys

    def test_a_number_that_no_column_holds_is_not_there(self) -> None:
        assert find(User, id=2**70) is None

    def test_every_value_is_as_the_orm_reads_it(self) -> None:
        user = alice()
        rows: list[models.Model] = [user, SignIn.objects.create(user=user)]
        rows.append(AssistantConversation.objects.create(user=user))
        for row in rows:
            with self.subTest(row=row):
                found = find(type(row), id=row.pk)
                assert found is not None
                row.refresh_from_db()
                assert values_of(found) == values_of(row)

    def test_a_missing_object_of_a_url_is_a_404(self) -> None:
        conversation = AssistantConversation.objects.create()
        assert find_or_404(AssistantConversation, id=conversation.pk) == conversation
        with pytest.raises(Http404):
            find_or_404(AssistantConversation, id=uuid.uuid4())

    def test_search_results_can_be_changed_and_saved(self) -> None:
        conversation = AssistantConversation.objects.create(title="Old")
        found = find(AssistantConversation, id=conversation.pk)
        assert found is not None
        found.title = "New"
        found.save()
        conversation.refresh_from_db()
        assert conversation.title == "New"


class InsertTests(TestCase):
    def test_rejected_rows_raise_an_error(self) -> None:
        conversation = AssistantConversation.objects.create()
        with pytest.raises(IntegrityError):
            insert(AssistantMessage(conversation=conversation, message_type=MessageType.ASSISTANT))

    def test_a_row_is_stored_as_the_orm_would_have(self) -> None:
        conversation = AssistantConversation.objects.create()
        message = insert(
            AssistantMessage(
                conversation=conversation,
                message_type=MessageType.USER,
                content="100% ça va? 🦊",
                lease_expires_at=timezone.now(),
            )
        )
        assert values_of(AssistantMessage.objects.get()) == values_of(message)

    def test_a_row_is_stored_once_and_changed_after_that(self) -> None:
        message = insert(
            AssistantMessage(conversation=AssistantConversation.objects.create(), message_type=MessageType.USER)
        )
        message.content = "Changed"
        message.save()
        assert AssistantMessage.objects.get().content == "Changed"
