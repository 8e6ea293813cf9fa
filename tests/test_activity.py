"""Saving an object moves its row to the top of the list, no matter which code saves it."""

from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from assistants.factories import AssistantConversationFactory
from assistants.models import AssistantConversation, AssistantMessage
from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.models import GroupChat
from discussion.factories import DiscussionReplyFactory, DiscussionTopicFactory
from discussion.models import DiscussionTopic
from test_utils.auth_api_test_case import auth_headers
from test_utils.users import alice


class ActivityTests(TestCase):
    def setUp(self) -> None:
        self.alice = alice()
        self.headers = auth_headers(self.alice)
        self.conversations = [AssistantConversationFactory.create(user=self.alice) for _ in range(2)]
        self.rooms = [GroupChatFactory.create() for _ in range(2)]
        for room in self.rooms:
            ChatMemberFactory.create(group_chat=room, user=self.alice)
        self.topics = [DiscussionTopicFactory.create() for _ in range(2)]
        self.age(AssistantConversation, "updated_at")
        self.age(GroupChat, "updated_at")
        self.age(DiscussionTopic, "last_activity_at")

    def age(self, model: type[Model], field: str) -> None:
        """Moves the last activity of each row into the past, in the order of creation."""
        for days, row in enumerate(model._default_manager.order_by("-created_at", "-pk")):
            model._default_manager.filter(pk=row.pk).update(**{field: timezone.now() - timedelta(days=days + 1)})

    def listed(self, route: str, **query: str) -> list[str]:
        rows: list[dict[str, Any]] = APIClient().get(reverse(route), query, headers=self.headers).json()["results"]
        return [str(row["id"]) for row in rows]

    def ids(self, *rows: Model) -> list[str]:
        return [str(row.pk) for row in rows]

    def test_saving_a_row_moves_it_up(self) -> None:
        for rows, route, query in (
            (self.conversations, "assistant-conversations-list", {}),
            (self.rooms, "groupchat-list", {}),
            (self.topics, "discussion-topic-list", {"sort": "active"}),
        ):
            with self.subTest(route):
                first, second = rows
                assert self.listed(route, **query) == self.ids(second, first)
                first.refresh_from_db()

                first.save()

                assert self.listed(route, **query) == self.ids(first, second)

    def test_saving_some_other_field_does_not(self) -> None:
        conversation = self.conversations[0]
        conversation.title = "Another name"
        conversation.save(update_fields=["title"])

        assert self.listed("assistant-conversations-list") == self.ids(*reversed(self.conversations))

    def test_a_message_that_is_stored_past_the_services_moves_its_conversation_room_or_topic_up(self) -> None:
        AssistantMessage.objects.create(conversation=self.conversations[0], message_type="user", content="Hello")
        ChatMessageFactory.create(group_chat=self.rooms[0])
        DiscussionReplyFactory.create(topic=self.topics[0])

        assert self.listed("assistant-conversations-list")[0] == str(self.conversations[0].pk)
        assert self.listed("groupchat-list")[0] == str(self.rooms[0].pk)
        assert self.listed("discussion-topic-list", sort="active")[0] == str(self.topics[0].pk)
