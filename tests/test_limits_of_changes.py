"""Edits, renames and deletions are limited, as creations are, because each is sent to all open pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from django.test import TestCase, override_settings

from accounts.services.attempts import NAME_CHANGES
from assistants.views import conversation_views
from chat.services import members, rooms
from core.models import RateLimitCount
from discussion.services import answers, replies, topics
from tests.test_rights_matrix import World


@contextmanager
def nothing_left(*modules: Any, name: str = "CHANGING") -> Iterator[None]:
    """Sets the limit `name` of each module to 0."""
    with mock.patch.multiple(modules[0], **{name: replace(getattr(modules[0], name), times=0)}):
        if modules[1:]:
            with nothing_left(*modules[1:], name=name):
                yield
        else:
            yield


class LimitTests(TestCase):
    def setUp(self) -> None:
        self.world = World()
        self.owner, self.staff = self.world.client("owner"), self.world.client("staff")
        self.room = f"/api/chat/{self.world.rows['chat'].room.pk}/"

    def assert_limited(self, method: str, path: str, data: Any = None, *, client: Any = None) -> None:
        response = getattr(client or self.owner, method)(path, data, format="json")

        assert response.status_code == 429, (method, path, response.status_code, response.content)
        assert int(response.headers["Retry-After"]) > 0
        assert response.json()["errors"][0]["code"] == "throttled"

    @override_settings(CHAT_MESSAGES_PER_MINUTE=0)
    def test_messages_are_edited_and_deleted_no_more_often_than_sent(self) -> None:
        path = f"{self.room}messages/{self.world.rows['chat'].message.pk}/"
        self.assert_limited("put", path, {"content": "Other words"})
        self.assert_limited("patch", path, {"content": "Other words"})
        self.assert_limited("delete", path)

    def test_rooms_are_changed_only_so_often(self) -> None:
        with nothing_left(rooms):
            self.assert_limited("put", self.room, {"title": "Another"})
            self.assert_limited("patch", self.room, {"title": "Another"})
            self.assert_limited("delete", self.room)

    def test_members_are_changed_only_so_often(self) -> None:
        path = f"{self.room}members/{self.world.rows['chat'].other_member.pk}/"
        with nothing_left(members):
            self.assert_limited("put", path, {"chatRole": 2002})
            self.assert_limited("patch", path, {"chatRole": 2002})
            self.assert_limited("post", f"{path}hand-over/")
            self.assert_limited("delete", path)

    def test_conversations_are_started_and_changed_only_so_often(self) -> None:
        conversation = self.world.rows["assistants"].owned["owner"].conversation
        path = f"/api/assistants/conversations/{conversation.pk}/"
        with nothing_left(conversation_views), nothing_left(conversation_views, name="STARTING"):
            self.assert_limited("post", "/api/assistants/conversations/", {})
            self.assert_limited("put", path, {"title": "Another"})
            self.assert_limited("patch", path, {"title": "Another"})
            self.assert_limited("delete", path)

    def test_topics_and_replies_are_deleted_only_so_often(self) -> None:
        topic = f"/api/discussion/{self.world.rows['discussion'].topic.pk}/"
        with nothing_left(topics, replies, answers, name="CHANGES"):
            self.assert_limited("delete", topic)
            self.assert_limited(
                "delete", f"{topic}replies/{self.world.rows['discussion'].reply.pk}/", client=self.staff
            )

    def test_names_are_changed_only_so_often(self) -> None:
        user = self.world.users["owner"]
        for number in range(NAME_CHANGES.times):
            assert self.owner.patch("/api/accounts/user/", {"displayName": f"Owner {number}"}).status_code == 200

        self.assert_limited("patch", "/api/accounts/user/", {"displayName": "Another"})
        self.client.force_login(user)
        page = self.client.post("/account/", {"display_name": "Another"})
        assert page.status_code == 429
        self.assertContains(page, "Another", status_code=429)  # the page keeps the submitted text
        user.refresh_from_db()
        unchanged = self.owner.patch("/api/accounts/user/", {"displayName": user.display_name})
        assert (unchanged.status_code, user.display_name) == (200, f"Owner {NAME_CHANGES.times - 1}")

    def test_a_page_without_a_form_answers_429(self) -> None:
        self.client.force_login(self.world.users["owner"])
        with nothing_left(rooms), nothing_left(members):
            for path in ("delete", "leave", f"members/{self.world.rows['chat'].other_member.pk}/remove"):
                response = self.client.post(f"/chat/{self.world.rows['chat'].room.pk}/{path}/")

                assert response.status_code == 429, path
                assert "Retry-After" in response.headers
            refused = self.client.post(
                f"/chat/{self.world.rows['chat'].room.pk}/settings/", {"title": "Kept", "description": ""}
            )

        self.assertContains(refused, "Kept")  # the page keeps the submitted text
        assert RateLimitCount.objects.exists()
