"""Tests which users may see and change rooms by the API, and its responses."""

from typing import Any

from django.urls import reverse

from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.groups import room_feed, user_feed
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.tests.cases import MEMBER, OWNER, RoomCase, code_of
from live import feeds
from test_utils.queries import assert_queries


class WhoMayTests(RoomCase):
    def routes(self) -> list[tuple[str, str]]:
        message = ChatMessageFactory.create(group_chat=self.room, author=self.bob)
        read = reverse("groupchat-read", args=[self.room.pk])
        transfer_ownership = reverse("chat-members-hand-over", args=[self.room.pk, self.member.pk])
        return [
            ("get", self.room_url()),
            ("patch", self.room_url()),
            ("delete", self.room_url()),
            ("post", read),
            ("get", self.messages_url()),
            ("post", self.messages_url()),
            ("get", self.messages_url(message.pk)),
            ("patch", self.messages_url(message.pk)),
            ("delete", self.messages_url(message.pk)),
            ("get", self.members_url()),
            ("post", self.members_url()),
            ("get", self.members_url(self.member.pk)),
            ("patch", self.members_url(self.member.pk)),
            ("delete", self.members_url(self.member.pk)),
            ("post", transfer_ownership),
        ]

    def test_for_strangers_and_visitors_there_is_no_room(self) -> None:
        for method, url in self.routes():
            for body in ({}, {"content": "Hi", "title": "Mine", "chatRole": OWNER, "user": "mallory@example.com"}):
                with self.subTest(f"{method} {url}", body=body):
                    assert self.send(method, url, body, by=self.mallory).status_code == 404
                    assert self.send(method, url, body, by=None).status_code == 401
        assert ChatMessage.objects.count() == 1
        assert self.room.members.count() == 3

    def test_a_room_that_is_not_there_is_404_however_large_its_number(self) -> None:
        for pk in (self.room.pk + 1, 2**63, 10**30):
            with self.subTest(pk):
                for url in (f"/api/chat/{pk}/", f"/api/chat/{pk}/messages/", f"/api/chat/{pk}/members/"):
                    assert self.send("get", url, by=self.alice).status_code == 404
                assert self.send("get", f"/api/chat/{self.room.pk}/messages/{pk}/", by=self.alice).status_code == 404

    def test_messages_of_another_room_are_not_in_this_one(self) -> None:
        other = GroupChatFactory.create()
        elsewhere = ChatMemberFactory.create(group_chat=other, user=self.alice, chat_role=OWNER)
        message = ChatMessageFactory.create(group_chat=other, author=self.alice)

        for method in ("get", "patch", "delete"):
            body = {"content": "Hi", "chatRole": MEMBER}
            assert self.send(method, self.messages_url(message.pk), body, by=self.alice).status_code == 404
            assert self.send(method, self.members_url(elsewhere.pk), body, by=self.alice).status_code == 404

    def test_members_and_admins_see_the_room_but_do_not_change_it(self) -> None:
        for user in (self.bob, self.carol):
            assert self.send("get", self.room_url(), by=user).status_code == 200
            assert self.send("patch", self.room_url(), {"title": "Mine"}, by=user).status_code == 403
            assert self.send("delete", self.room_url(), by=user).status_code == 403

        self.room.refresh_from_db()
        assert self.room.title == "Rice"

    def test_visitors_have_no_rooms(self) -> None:
        assert self.send("get", "/api/chat/", by=None).status_code == 401
        assert self.send("post", "/api/chat/", {"title": "Mine"}, by=None).status_code == 401


class RoomTests(RoomCase):
    def test_a_room_without_a_title_is_refused(self) -> None:
        for body in ({}, {"title": ""}, {"title": "  "}, {"title": "x" * 201}, {"title": None}):
            with self.subTest(body=str(body)[:30]):
                response = self.send("post", "/api/chat/", body, by=self.mallory)
                assert (response.status_code, response.json()["errors"][0]["attr"]) == (400, "title")
        assert GroupChat.objects.count() == 1

    def test_the_creator_of_a_room_owns_it(self) -> None:
        response = self.send(
            "post", "/api/chat/", {"title": "Tea", "unreadCount": 99, "memberCount": 99}, by=self.mallory
        )

        room = GroupChat.objects.get(pk=response.json()["id"])
        assert response.status_code == 201
        assert response.json() == {
            "id": room.pk,
            "title": "Tea",
            "description": "",
            "memberCount": 1,
            "unreadCount": 0,
            "lastReadMessageId": 0,
            "lastNumber": 0,
            "lastReadNumber": 0,
            "lastMessage": None,
            "updatedAt": room.updated_at.isoformat().replace("+00:00", "Z"),
        }
        assert [(member.user, member.chat_role) for member in room.members.all()] == [(self.mallory, OWNER)]

    def test_the_owner_changes_it(self) -> None:
        response = self.send("patch", self.room_url(), {"description": "How to cook it"}, by=self.alice)

        assert response.status_code == 200
        assert response.json()["description"] == "How to cook it"
        assert response.json()["title"] == "Rice"
        assert response.json()["memberCount"] == 3
        before = self.room.updated_at
        self.room.refresh_from_db()
        assert self.room.updated_at > before

    def test_the_owner_deletes_it_with_all_that_was_written(self) -> None:
        self.post_message()

        assert self.send("delete", self.room_url(), by=self.alice).status_code == 204
        assert not GroupChat.objects.exists()
        assert not ChatMessage.objects.exists()
        assert not ChatMember.objects.exists()
        assert feeds.head(room_feed(self.room.pk)) == 0
        assert feeds.head(user_feed(self.bob.pk)) == 1
        assert self.send("get", self.room_url(), by=self.alice).status_code == 404

    def test_a_room_made_twice_with_its_key_is_one_room(self) -> None:
        first, second = [self.send("post", "/api/chat/", {"title": "Tea"}, by=self.alice, key="one") for _ in range(2)]

        assert first.json() == second.json()
        assert GroupChat.objects.filter(title="Tea").count() == 1

    def test_where_something_was_written_last_comes_first(self) -> None:
        self.send("post", "/api/chat/", {"title": "Tea"}, by=self.bob)
        self.post_message()

        response = self.send("get", "/api/chat/", by=self.bob)

        assert [room["title"] for room in response.json()["results"]] == ["Rice", "Tea"]
        assert response["Feed-Seq"] == str(feeds.head(user_feed(self.bob.pk))) == "1"

    def test_a_room_tells_what_was_written_last(self) -> None:
        self.post_message("Two **cups**\n\nof `rice`", by=self.alice)

        listed = self.send("get", "/api/chat/", by=self.bob).json()["results"][0]

        last = {"userId": self.alice.pk, "senderName": "Alice", "words": "Two cups of rice", "isDeleted": False}
        assert listed["lastMessage"] == last
        assert self.send("get", self.room_url(), by=self.bob).json()["lastMessage"] == last

    def test_a_long_list_costs_no_query_per_room(self) -> None:
        for _ in range(200):
            ChatMemberFactory.create(user=self.mallory)

        self.sign_in(self.mallory)

        with assert_queries(4):
            listed = self.send("get", "/api/chat/?limit=100", by=self.mallory).json()

        assert (listed["count"], len(listed["results"])) == (200, 100)


class UnreadTests(RoomCase):
    def unread(self) -> int:
        (room,) = self.send("get", "/api/chat/", by=self.bob).json()["results"]
        count: int = room["unreadCount"]
        assert self.send("get", self.room_url(), by=self.bob).json()["unreadCount"] == count
        return count

    def read(self, message_id: object) -> Any:
        return self.send("post", f"/api/chat/{self.room.pk}/read/", {"messageId": message_id}, by=self.bob)

    def test_ids_of_other_rooms_messages_are_refused(self) -> None:
        elsewhere = ChatMessageFactory.create()

        for message_id in (elsewhere.pk, 0, -1, 2**63, 2**70, "x", None, True):
            with self.subTest(message_id):
                assert code_of(self.read(message_id))[::2] == (400, "messageId")
        self.member.refresh_from_db()
        assert self.member.last_read_message_id == 0

    def test_messages_of_others_are_unread_until_i_read_them(self) -> None:
        first, second, third = [self.post_message(by=self.alice).json()["id"] for _ in range(3)]
        assert self.unread() == 3

        assert self.read(second).json() == {"messageId": second}
        assert self.unread() == 1
        assert self.read(first).json() == {"messageId": second}, "reading never goes backwards"
        assert self.unread() == 1
        self.read(third)
        assert self.unread() == 0

    def test_sending_a_message_reads_the_room_up_to_it(self) -> None:
        self.post_message(by=self.alice)
        mine = self.post_message(by=self.bob).json()["id"]
        assert self.unread() == 0
        self.post_message(by=self.alice)

        assert self.unread() == 1
        (room,) = self.send("get", "/api/chat/", by=self.bob).json()["results"]
        assert (room["lastReadMessageId"], room["lastNumber"], room["lastReadNumber"]) == (mine, 3, 2)

    def test_deleted_messages_are_not_unread_in_whatever_order_they_go(self) -> None:
        for order in ([0], [0, 1], [1, 0], [2, 0, 1]):
            with self.subTest(order):
                posted = [self.post_message(by=self.alice).json()["id"] for _ in order]
                for place in order:
                    self.send("delete", self.messages_url(posted[place]), by=self.alice)
                assert self.unread() == 0

    def test_reading_up_to_deleted_messages_reads_them_too(self) -> None:
        posted = [self.post_message(by=self.alice).json()["id"] for _ in range(4)]
        for message_id in posted[1:3]:
            self.send("delete", self.messages_url(message_id), by=self.alice)
        assert self.unread() == 4, "there is something left to read before them and after them"

        self.read(posted[0])
        assert self.unread() == 1

    def test_messages_of_deleted_users_are_unread_too(self) -> None:
        ChatMessageFactory.create(group_chat=self.room, author=None)

        assert self.unread() == 1

    def test_counts_are_of_this_room_and_this_user(self) -> None:
        other = GroupChatFactory.create()
        ChatMemberFactory.create(group_chat=other, user=self.alice)
        ChatMessageFactory.create_batch(2, group_chat=other)
        ChatMessageFactory.create(group_chat=self.room)

        listed = self.send("get", "/api/chat/", by=self.alice).json()["results"]

        assert {room["id"]: (room["unreadCount"], room["memberCount"]) for room in listed} == {
            self.room.pk: (1, 3),
            other.pk: (2, 1),
        }
        assert self.unread() == 1

    def test_new_members_have_read_all_earlier_messages(self) -> None:
        self.post_message()
        self.send("post", self.members_url(), {"user": self.mallory.email}, by=self.alice)

        (room,) = self.send("get", "/api/chat/", by=self.mallory).json()["results"]
        assert room["unreadCount"] == 0
