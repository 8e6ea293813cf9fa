"""Every API and form refuses names, titles, tags and messages that can't be read."""

from typing import Any

from django.test import TestCase
from django.urls import reverse

from accounts.models import User
from assistants.models import AssistantConversation
from chat.models import ChatMember, GroupChat
from discussion.models import DiscussionTopic

INVISIBLE = ("\u3164", "\u200b", "\u2800")
UNREADABLE = (*INVISIBLE, "a\u202eb", "a\nb")


class NameTests(TestCase):
    def setUp(self) -> None:
        self.alice = User.objects.create_user("alice@example.com", "a long password", display_name="Alice")
        self.client.force_login(self.alice)
        self.room = GroupChat.objects.create(title="Tea")
        ChatMember.objects.create(group_chat=self.room, user=self.alice, chat_role=2001)
        self.conversation = AssistantConversation.objects.create(user=self.alice)
        self.topic = DiscussionTopic.objects.create(author=self.alice, title="Tea", content="Which?")

    def send(self, method: str, path: str, **data: Any) -> Any:
        return getattr(self.client, method)(path, data, content_type="application/json")

    def test_unreadable_names_are_refused_by_the_api(self) -> None:
        for name in UNREADABLE:
            for method, path, data in (
                ("patch", "/api/accounts/user/", {"displayName": name}),
                ("post", "/api/chat/", {"title": name}),
                ("patch", f"/api/chat/{self.room.pk}/", {"title": name}),
                ("post", "/api/assistants/conversations/", {"title": name}),
                ("patch", f"/api/assistants/conversations/{self.conversation.pk}/", {"title": name}),
                ("post", "/api/discussion/", {"title": name, "content": "Which?"}),
                ("patch", f"/api/discussion/{self.topic.pk}/", {"title": name}),
                ("post", "/api/discussion/", {"title": "Tea", "content": "Which?", "tags": [name]}),
            ):
                with self.subTest(path=path, name=ascii(name)):
                    response = self.send(method, path, **data)

                    if data.get("tags") == ["a\nb"]:
                        continue  # a line break in a tag becomes a hyphen
                    assert response.status_code == 400, response.content

    def test_invisible_messages_are_refused_as_empty(self) -> None:
        for text in INVISIBLE:
            for path in (
                f"/api/chat/{self.room.pk}/messages/",
                f"/api/assistants/conversations/{self.conversation.pk}/messages/",
                f"/api/discussion/{self.topic.pk}/replies/",
            ):
                with self.subTest(path=path, text=ascii(text)):
                    response = self.send("post", path, content=text)

                    assert response.status_code == 400
                    assert response.json()["errors"][0]["code"] == "blank"

    def test_unreadable_names_are_refused_by_the_forms(self) -> None:
        for name in INVISIBLE:
            for path, data in (
                (reverse("chat-home"), {"title": name}),
                (reverse("discussion-new"), {"title": name, "content": "Which?"}),
                (
                    reverse("register"),
                    {
                        "email": "x@example.com",
                        "display_name": name,
                        "password1": "a long password",
                        "password2": "a long password",
                    },
                ),
            ):
                with self.subTest(path=path, name=ascii(name)):
                    self.client.post(path, data)

        assert GroupChat.objects.count() == DiscussionTopic.objects.count() == User.objects.count() == 1

    def test_names_are_stored_in_one_form(self) -> None:
        assert self.send("patch", "/api/accounts/user/", displayName="Zoe\u0308").json()["displayName"] == "Zo\u00eb"
        topic = self.send(
            "post", "/api/discussion/", title="Zoe\u0308", content="a", tags=["हिन्दी", "Zoe\u0308", "C++"]
        )

        assert topic.json()["title"] == "Zo\u00eb"
        assert topic.json()["tags"] == ["c++", "zo\u00eb", "हिन्दी"]
        assert self.client.get("/api/discussion/", {"tag": "zoe\u0308"}).json()["count"] == 1
