"""Tests the API of a room's messages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.test import override_settings

from accounts.models import User
from chat.factories import ChatMemberFactory, ChatMessageFactory
from chat.groups import room_feed
from chat.models import ChatMessage
from chat.tests.cases import MEMBER, RoomCase, code_of
from live import feeds
from test_utils.queries import assert_queries


class RefusalTests(RoomCase):
    def test_too_short_and_too_long_texts_are_refused(self) -> None:
        for body in ({}, {"content": ""}, {"content": " \n "}, {"content": "x" * 10_001}, {"content": "a\x00b"}):
            with self.subTest(body=str(body)[:30]):
                response = self.send("post", self.messages_url(), body, by=self.bob)
                assert code_of(response)[::2] == (400, "content")
        assert not ChatMessage.objects.exists()
        assert self.post_message("x" * 10_000).status_code == 201

    def test_users_can_not_change_messages_of_others(self) -> None:
        message = self.post_message(by=self.bob).json()

        for user in (self.alice, self.carol):
            response = self.send("patch", self.messages_url(message["id"]), {"content": "I am a fool"}, by=user)
            assert response.status_code == 403
        assert ChatMessage.objects.get().content == "Hello"

    def test_a_member_does_not_delete_what_somebody_else_said(self) -> None:
        message = self.post_message(by=self.alice).json()

        assert self.send("delete", self.messages_url(message["id"]), by=self.bob).status_code == 403
        assert ChatMessage.objects.get().content == "Hello"

    def test_former_members_can_not_write_change_or_delete(self) -> None:
        message = self.post_message(by=self.bob).json()
        self.send("delete", self.members_url(self.member.pk), by=self.alice)

        url = self.messages_url(message["id"])
        assert self.post_message(by=self.bob).status_code == 404
        assert self.send("patch", url, {"content": "Bye"}, by=self.bob).status_code == 404
        assert self.send("delete", url, by=self.bob).status_code == 404

    def test_deleted_messages_can_not_be_changed_or_deleted_again(self) -> None:
        url = self.messages_url(self.post_message(by=self.bob).json()["id"])
        self.send("delete", url, by=self.bob)

        assert self.send("patch", url, {"content": "Back"}, by=self.bob).status_code == 404
        assert self.send("delete", url, by=self.bob).status_code == 404

    @override_settings(CHAT_MESSAGES_PER_MINUTE=2)
    def test_so_many_messages_a_minute(self) -> None:
        assert [self.post_message(key="one").status_code for _ in range(3)] == [
            201
        ] * 3  # the same message is sent three times
        assert [self.post_message().status_code for _ in range(2)] == [201, 429]
        assert self.post_message(by=self.alice).status_code == 201
        with override_settings(LIMITS=False):
            assert self.post_message().status_code == 201


class MessageTests(RoomCase):
    def test_a_message_is_stored_and_drawn_once(self) -> None:
        body = {"content": "Two **cups** 🍚", "isEdited": True, "contentHtml": "<script>", "sender": 1, "isMine": False}
        response = self.send("post", self.messages_url(), body, by=self.bob)

        message = ChatMessage.objects.get()
        now = message.created_at.isoformat().replace("+00:00", "Z")
        assert response.status_code == 201
        assert response.json() == {
            "id": message.pk,
            "number": 1,
            "isMine": True,
            "sender": {
                "id": self.member.pk,
                "user": "bob@example.com",
                "displayName": "Bob",
                "chatRole": MEMBER,
                "userId": self.bob.pk,
            },
            "senderName": "Bob",
            "userId": self.bob.pk,
            "content": "Two **cups** 🍚",
            "contentHtml": "<p>Two <strong>cups</strong> 🍚</p>\n",
            "mentions": [],
            "createdAt": now,
            "formattedTime": response.json()["formattedTime"],
            "updatedAt": now,
            "isEdited": False,
            "isDeleted": False,
        }

    def test_addresses_are_for_oneself_and_for_those_who_manage(self) -> None:
        self.post_message(by=self.alice)

        def seen_by(user: User) -> tuple[str, bool]:
            (message,) = self.send("get", self.messages_url(), by=user).json()["results"]
            return message["sender"]["user"], message["isMine"]

        assert seen_by(self.bob) == ("Alice", False)
        assert seen_by(self.carol) == ("alice@example.com", False)
        assert seen_by(self.alice) == ("alice@example.com", True)

    def test_a_change_is_published_and_an_unchanged_value_is_not(self) -> None:
        url = self.messages_url(self.post_message("One cup").json()["id"])

        same = self.send("patch", url, {"content": "One cup"}, by=self.bob).json()
        changed = self.send("patch", url, {"content": "*Two* cups"}, by=self.bob).json()

        assert (same["isEdited"], changed["isEdited"]) == (False, True)
        assert changed["contentHtml"] == "<p><em>Two</em> cups</p>\n"
        assert changed["updatedAt"] > changed["createdAt"]
        assert feeds.head(room_feed(self.room.pk)) == 2

    def test_of_a_deleted_message_only_its_place_is_left(self) -> None:
        for user in (self.bob, self.carol, self.alice):
            url = self.messages_url(self.post_message("a secret @Alice").json()["id"])
            assert self.send("delete", url, by=user).status_code == 204

        response = self.send("get", self.messages_url(), by=self.alice)
        assert "secret" not in response.content.decode()
        for message in response.json()["results"]:
            posted = (message["content"], message["contentHtml"], message["mentions"], message["isDeleted"])
            assert posted == ("", "", [], True)
            assert message["isEdited"] is False
        assert not ChatMessage.objects.exclude(content="").exists()

    def test_messages_of_a_removed_member_stay_without_a_sender(self) -> None:
        self.post_message(by=self.bob)
        self.send("delete", self.members_url(self.member.pk), by=self.alice)

        (message,) = self.send("get", self.messages_url(), by=self.alice).json()["results"]
        assert (message["sender"], message["senderName"], message["content"]) == (None, "Bob", "Hello")
        self.bob.delete()
        (message,) = self.send("get", self.messages_url(), by=self.alice).json()["results"]
        assert (message["sender"], message["senderName"], message["userId"]) == (None, "", None)

    def test_mentions_are_members_by_the_longest_name_that_fits(self) -> None:
        bobby = ChatMemberFactory.create(group_chat=self.room, user__display_name="Bob Marley").user
        for content, expected in {
            "@Bob": [self.bob.pk],
            "@bob, @Carol!": [self.bob.pk, self.carol.pk],
            "(@Bob Marley)": [bobby.pk],
            "@Bobby": [],
            "@Mallory": [],
            "bob@Alice": [],
            "@": [],
            "`@Bob`": [],
            "```\n@Bob\n```": [],
            "a\n\n    @Bob": [],
            "https://mastodon.example/@Bob": [],
            "mastodon.example/@Bob": [],
            "ftp://e.org/~x/@Bob": [],
            "@Bob@mastodon.example": [],
            "@Bob.b@mastodon.example": [],
            "@Carol/@Bob": [self.bob.pk, self.carol.pk],
            "[@Bob](https://e.org)": [],
            "![@Bob](https://e.org/a.png)": [],
            "<https://e.org/@Bob>": [],
            "> @Bob": [],
            "> hello\n@Bob": [],
            "mail@Bob.example": [],
            "\\@Bob": [],
            "$x@Bob$": [],
            "**@Bob**": [self.bob.pk],
            "- [ ] @Bob": [self.bob.pk],
            "@Bob你好": [self.bob.pk],
        }.items():
            with self.subTest(content):
                assert self.post_message(content).json()["mentions"] == sorted(expected)

    def test_number_after_a_name_is_an_id_and_not_part_of_another_name(self) -> None:
        name = f"Bob#{self.bob.pk}"
        other = ChatMemberFactory.create(group_chat=self.room, user__display_name=name).user

        assert self.post_message(f"@{name}").json()["mentions"] == [self.bob.pk]
        assert self.post_message(f"@{name}#{other.pk}").json()["mentions"] == [other.pk]

    def test_names_of_any_script_are_mentioned_in_any_case(self) -> None:
        for name, content in (
            ("Émile Zola", "@émile zola,"),
            ("小明", "@小明你好"),
            ("हिन्दी", "(@हिन्दी)"),
            ("Kim 🎉", "@Kim 🎉!"),
            ("שרה", "@שרה"),
            ("Anna-Lena O'Neil", "@anna-lena o'neil."),
        ):
            with self.subTest(name):
                user = ChatMemberFactory.create(group_chat=self.room, user__display_name=name).user
                message = self.post_message(content).json()

                assert message["mentions"] == [user.pk]
                assert f'<span class="mention" data-user-id="{user.pk}">@' in message["contentHtml"]

    def test_of_members_with_the_same_name_all_or_the_chosen_one_are_mentioned(self) -> None:
        ids = sorted(ChatMemberFactory.create(group_chat=self.room, user__display_name="Kim").user.pk for _ in range(2))

        assert self.post_message("@Kim").json()["mentions"] == ids
        assert self.post_message(f"@Kim#{ids[1]}").json()["mentions"] == [ids[1]]
        assert self.post_message(f"@Kim#{self.bob.pk}").json()["mentions"] == ids

    def test_mentions_are_marked_where_they_are_made_and_nowhere_else(self) -> None:
        html = self.post_message("@Bob `@Bob` @Mallory").json()["contentHtml"]

        mark = f'<span class="mention" data-user-id="{self.bob.pk}">@Bob</span>'
        assert html == f"<p>{mark} <code>@Bob</code> @Mallory</p>\n"


class ListTests(RoomCase):
    def test_newest_first_upward_and_catching_up(self) -> None:
        ids = [ChatMessageFactory.create(group_chat=self.room).pk for _ in range(5)]

        def listed(query: str) -> Any:
            results = self.send("get", f"{self.messages_url()}{query}", by=self.bob).json()["results"]
            return [message["id"] for message in results]

        assert listed("") == ids[::-1]
        assert listed(f"?before={ids[3]}&limit=2") == [ids[2], ids[1]]
        assert listed(f"?after={ids[1]}") == ids[2:]

    def test_the_feeds_number_comes_with_the_messages(self) -> None:
        self.post_message()

        assert self.send("get", self.messages_url(), by=self.bob)["Feed-Seq"] == "1"
        assert self.send("get", self.room_url(), by=self.bob)["Feed-Seq"] == "1"
        assert self.send("get", self.members_url(), by=self.bob)["Feed-Seq"] == "1"

    def test_a_page_of_messages_costs_no_query_per_message(self) -> None:
        for _ in range(50):
            member = ChatMemberFactory.create(group_chat=self.room)
            ChatMessageFactory.create(group_chat=self.room, author=member.user)
            ChatMessageFactory.create(group_chat=self.room)
        self.sign_in(self.bob)

        with assert_queries(6):
            listed = self.send("get", f"{self.messages_url()}?limit=100", by=self.bob).json()["results"]

        assert sum(message["sender"] is not None for message in listed) == 50

    def test_posting_costs_few_queries(self) -> None:
        self.post_message()

        with assert_queries(9):
            self.post_message()


class TwinTests(RoomCase):
    def test_a_message_that_is_sent_by_twins_at_once_is_sent_once(self) -> None:
        self.sign_in(self.bob)

        def send(_: int) -> Any:
            try:
                response = self.post_message(key="one")
                return response.status_code, response.json()["id"]
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as threads:
            answers = set(threads.map(send, range(4)))

        message = ChatMessage.objects.get()
        assert answers == {(201, message.pk)}
        assert feeds.head(room_feed(self.room.pk)) == 1
