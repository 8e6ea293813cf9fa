"""Responses that depend on the user may not be cached."""

import re
from collections.abc import Iterator

from django.test import Client, TestCase
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from assistants.factories import AssistantConversationFactory
from chat.factories import ChatMemberFactory
from chat.models.room import ChatRole
from discussion.factories import DiscussionTopicFactory
from test_utils.auth_api_test_case import bearer
from test_utils.rest_contract import contract
from test_utils.users import alice

A_UUID = "6f2b0a64-3c5e-4d1e-9d43-0b5a6c1f2e11"


class NoStoreTests(TestCase):
    def setUp(self) -> None:
        self.alice = alice()
        self.browser = Client()
        self.browser.force_login(self.alice)

    def test_no_page_of_a_user_is_stored(self) -> None:
        for path in self.pages():
            with self.subTest(path):
                response = self.browser.get(path)
                assert response.status_code == 200, response.status_code
                assert "no-store" in response.headers["Cache-Control"]

    def test_no_page_with_a_password_is_stored(self) -> None:
        for name in ("login", "register", "password_reset", "password_reset_done", "password_reset_complete"):
            with self.subTest(name):
                assert "no-store" in Client().get(reverse(name)).headers["Cache-Control"]

    def test_no_response_of_the_api_is_stored(self) -> None:
        programs = {"token": APIClient(HTTP_AUTHORIZATION=bearer(self.alice)), "visitor": APIClient()}
        session = APIClient()
        session.force_login(self.alice)
        for name, client in (programs | {"session": session}).items():
            for path, operations in contract().document["paths"].items():
                if "get" in operations:
                    with self.subTest(f"{name}: {path}"):
                        address = re.sub(r"{\w+}", "1", path.replace("{conversationId}", A_UUID))
                        assert "no-store" in client.get(address).headers["Cache-Control"]

    def test_no_token_is_stored(self) -> None:
        client = APIClient()
        signed_in = client.post("/api/accounts/login/", {"email": "alice@example.com", "password": "password"})
        refreshed = client.post("/api/accounts/token/refresh/", {"refresh": signed_in.json()["refresh"]})

        for response in (signed_in, refreshed, client.post("/api/accounts/logout/", {})):
            assert response.headers["Cache-Control"] == "no-store"

    def test_refusals_and_redirects_are_not_stored_either(self) -> None:
        for path in ("/chat/999/", "/api/nothing/", f"/assistants/{A_UUID}/", "/admin/"):
            with self.subTest(path):
                assert "no-store" in self.browser.get(path).headers["Cache-Control"]

    def test_responses_that_are_the_same_for_all_may_be_stored(self) -> None:
        for path in ("/api/schema/?format=json", "/api/asyncapi/schema/?format=json", "/static/core/css/base.css"):
            with self.subTest(path):
                assert "no-store" not in self.browser.get(path).headers.get("Cache-Control", "")

    def pages(self) -> Iterator[str]:
        room = ChatMemberFactory.create(user=self.alice, chat_role=ChatRole.OWNER).group_chat
        topic = DiscussionTopicFactory.create(author=self.alice)
        conversation = AssistantConversationFactory.create(user=self.alice)
        User.objects.filter(pk=self.alice.pk).update(is_staff=True, is_superuser=True)
        yield from map(
            reverse,
            (
                "home",
                "account",
                "password_change",
                "password_change_done",
                "chat-home",
                "assistant_chat",
                "discussion-home",
                "discussion-new",
                "discussion-my-inbox",
                "swagger-ui",
                "admin:index",
            ),
        )
        yield reverse("chat-group-detail", args=[room.pk])
        yield reverse("group_members", args=[room.pk])
        yield reverse("discussion-detail", args=[topic.pk])
        yield reverse("assistant_conversation", args=[conversation.pk])
        yield reverse("assistant_export", args=[conversation.pk])
        yield reverse("admin:accounts_user_change", args=[self.alice.pk])
