"""Tests who may open a room's sockets, which frames they receive, and when they are closed."""

from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.db import transaction
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from chat.consumers.chat_detail import ChatDetailConsumer
from chat.consumers.group import GroupChatConsumer
from chat.groups import ACTIVITY, room_feed
from chat.models import ChatMember
from chat.presence import PresenceEntry, PresenceTracker
from chat.tests.cases import ADMIN, Room
from live import feeds, selective
from test_utils.auth_api_test_case import auth_headers
from test_utils.testing import Page, SocketTestCase

HINTS = {"presence", "typing", "read"}


class RoomSocketCase(Room, SocketTestCase):
    consumer = ChatDetailConsumer

    def setUp(self) -> None:
        super().setUp()
        self.make_room()

    async def open(self, by: User, query: str = "") -> Page:
        return await self.open_page(f"/ws/chat/{self.room.pk}/{query}", by=by)

    async def send(self, method: str, url: str, data: Any = None, *, by: User, status: int | None = None) -> Any:
        response = await self.request(method, url, data, by=by)
        assert status is None or response.status_code == status, response.content
        return response.json() if response.content else None

    async def post_message(self, content: str = "Hello", *, by: User) -> Any:
        return await self.send("post", self.messages_url(), {"content": content}, by=by, status=201)

    async def event(self, page: Page) -> dict[str, Any]:
        """Returns the next event, and skips hints."""
        while (frame := await page.receive())["action"] in HINTS:
            pass
        return frame

    async def hint(self, page: Page, action: str) -> Any:
        return (await page.receive_until(action))[-1]["payload"]


class WhoMayListenTests(RoomSocketCase):
    async def refusal(self, path: str, by: User | None) -> tuple[int, int]:
        page = await self.open_socket(path, by=by)
        first = await page.receive()
        assert first["action"] == "authentication"
        return first["payload"]["statusCode"], await page.close_code()

    async def test_strangers_and_visitors_are_refused(self) -> None:
        path = f"/ws/chat/{self.room.pk}/"

        assert await self.refusal(path, self.mallory) == (404, 4404)
        assert await self.refusal(path, None) == (401, 4401)
        assert await self.refusal("/ws/chat/group/", None) == (401, 4401)
        for nowhere in (self.room.pk + 1, 2**63, 10**30):
            assert await self.refusal(f"/ws/chat/{nowhere}/", self.alice) == (404, 4404)

    async def test_frames_of_a_refused_client_are_dropped(self) -> None:
        page = await self.open(self.bob)
        await self.hint(page, "presence")
        stranger = await self.open_socket(f"/ws/chat/{self.room.pk}/", by=self.mallory)

        await stranger.send('{"action": "typing", "payload": {"isTyping": true}}')

        assert await page.receives_nothing()


class MessageTests(RoomSocketCase):
    async def test_all_members_receive_the_same_with_names_and_without_addresses(self) -> None:
        pages = [await self.open(user) for user in (self.alice, self.bob)]

        posted = await self.post_message("Two **cups**", by=self.bob)

        received = [await self.event(page) for page in pages]
        assert received[0] == received[1]
        assert (received[0]["action"], received[0]["seq"]) == ("member_message", 1)
        assert received[0]["payload"]["sender"]["user"] == "Bob"
        assert "@" not in str(received[0])
        assert received[0]["payload"]["contentHtml"] == "<p>Two <strong>cups</strong></p>\n"
        expected = {key: value for key, value in posted.items() if key != "isMine"}
        expected["sender"] = {**posted["sender"], "user": "Bob"}
        assert received[0]["payload"] == expected

    async def test_deleted_messages_of_a_former_member_have_no_sender_and_later_no_user(self) -> None:
        posted = [await self.post_message("Bye", by=self.bob), await self.post_message("Bye again", by=self.bob)]
        bob_id = self.bob.pk
        page = await self.open(self.alice)

        await self.send("delete", self.members_url(self.member.pk), by=self.bob, status=204)
        await self.send("delete", self.messages_url(posted[0]["id"]), by=self.alice, status=204)
        await self.bob.adelete()
        await self.send("delete", self.messages_url(posted[1]["id"]), by=self.alice, status=204)

        _, by_former_member, by_deleted_user = [(await self.event(page))["payload"] for _ in range(3)]
        assert (by_former_member["sender"], by_former_member["userId"]) == (None, bob_id)
        assert (by_deleted_user["sender"], by_deleted_user["userId"]) == (None, None)

    async def test_a_reconnecting_client_receives_the_missed_events_in_order(self) -> None:
        messages = [await self.post_message(str(number), by=self.bob) for number in range(5)]

        page = await self.open(self.alice, "?since=2")

        assert [(await self.event(page))["payload"]["id"] for _ in range(3)] == [m["id"] for m in messages[2:]]


class RemovalTests(RoomSocketCase):
    async def remove(self, member: ChatMember, by: User) -> None:
        await self.send("delete", self.members_url(member.pk), by=by, status=204)

    async def test_removed_member_receives_nothing_more(self) -> None:
        page, other = await self.open(self.bob), await self.open(self.alice)

        await self.remove(self.member, self.alice)
        await self.post_message("Now that he is gone", by=self.alice)

        notice = await self.event(page)
        assert notice == {
            "action": "user_removed_from_group",
            "payload": {"redirect": "/chat/", "message": "You were removed from “Rice”."},
            "seq": 1,
        }
        assert await page.close_code() == 4403
        assert [(await self.event(other))["action"] for _ in range(2)] == ["member_removed", "member_message"]

    async def test_users_who_leave_are_notified(self) -> None:
        page = await self.open(self.bob)

        await self.remove(self.member, self.bob)

        assert (await self.event(page))["payload"]["message"] == "You have left “Rice”."
        assert await page.close_code() == 4403

    async def test_old_news_of_leaving_does_not_throw_out_who_came_back(self) -> None:
        await self.remove(self.member, self.alice)
        await self.send("post", self.members_url(), {"user": self.bob.email}, by=self.alice, status=201)

        page = await self.open(self.bob, "?since=0")

        assert [(await self.event(page))["action"] for _ in range(2)] == ["member_removed", "member_added"]
        await self.post_message(by=self.alice)
        assert (await self.event(page))["action"] == "member_message"

    async def test_a_member_added_again_before_the_event_arrived_stays(self) -> None:
        page = await self.open(self.bob)

        def remove_and_add_again() -> None:
            with transaction.atomic():
                self.client_of_alice("delete", self.members_url(self.member.pk))
                self.client_of_alice("post", self.members_url(), {"user": self.bob.email})

        await sync_to_async(remove_and_add_again)()
        await self.post_message(by=self.alice)

        assert [(await self.event(page))["action"] for _ in range(3)] == [
            "member_removed",
            "member_added",
            "member_message",
        ]

    def client_of_alice(self, method: str, url: str, data: Any = None) -> None:
        assert getattr(APIClient(), method)(url, data, headers=auth_headers(self.alice)).status_code < 300

    async def test_deleting_the_room_closes_its_sockets(self) -> None:
        page = await self.open(self.bob)

        await self.send("delete", self.room_url(), by=self.alice, status=204)

        assert await page.close_code() == 4404


class HintTests(RoomSocketCase):
    async def test_typing_is_sent_to_the_others_and_not_stored(self) -> None:
        page, other = await self.open(self.bob), await self.open(self.alice)

        await page.send('{"action": "typing", "payload": {"isTyping": true}}')

        assert await self.hint(other, "typing") == {"userId": self.bob.pk, "user": "Bob", "isTyping": True}
        assert await sync_to_async(feeds.head)(room_feed(self.room.pk)) == 0

    async def test_read_positions_are_sent_in_small_rooms(self) -> None:
        page = await self.open(self.alice)
        message = await self.post_message(by=self.alice)

        path = reverse("groupchat-read", args=[self.room.pk])
        await self.send("post", path, {"messageId": message["id"]}, by=self.bob, status=200)

        assert await self.hint(page, "read") == {"userId": self.bob.pk, "messageId": message["id"]}

    async def test_presence_is_sent_when_users_join_and_leave(self) -> None:
        page = await self.open(self.alice)
        assert await self.hint(page, "presence") == {"count": 1, "userIds": [self.alice.pk]}
        other = await self.open(self.bob)
        assert await self.hint(page, "presence") == {"count": 2, "userIds": sorted([self.alice.pk, self.bob.pk])}

        await other.leave()

        assert await self.hint(page, "presence") == {"count": 1, "userIds": [self.alice.pk]}


class RoomListTests(RoomSocketCase):
    consumer = GroupChatConsumer

    async def test_added_and_removed_users_are_notified(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.mallory)
        added = await self.send(
            "post", self.members_url(), {"user": self.mallory.email, "chatRole": ADMIN}, by=self.alice, status=201
        )

        received = await page.receive()
        assert (received["action"], received["seq"], received["payload"]["groupPk"]) == (
            "added_to_group",
            1,
            self.room.pk,
        )

        await self.send("delete", self.members_url(added["id"]), by=self.alice, status=204)
        assert await page.receive() == {
            "action": "removed_from_group",
            "payload": {"groupPk": self.room.pk, "groupTitle": "Rice"},
            "seq": 2,
        }

    async def test_lists_receive_that_something_happened_in_their_rooms_only(self) -> None:
        page, stranger = [await self.open_page("/ws/chat/group/", by=user) for user in (self.bob, self.mallory)]

        message = await self.post_message("Two **cups**", by=self.alice)

        assert await self.hint(page, "group_chat_updated") == {
            "groupPk": self.room.pk,
            "groupTitle": "Rice",
            "updatedAt": message["createdAt"],
            "number": 1,
            "excerpt": "Two cups",
            "senderName": "Alice",
            "userId": self.alice.pk,
            "isDeleted": False,
            "changedAt": message["createdAt"],
            "deletedRun": None,
            "read": None,
            "membershipVersion": 0,
        }
        assert await stranger.receives_nothing()

    async def next_hint(self, page: Page, **expected: object) -> Any:
        """Returns the next hint with these values. Skips hints that show an older state."""
        while True:
            payload = await self.hint(page, "group_chat_updated")
            if {key: payload[key] for key in expected} == expected:
                return payload

    async def test_list_shows_an_edited_a_deleted_and_an_earlier_last_message(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.bob)
        first = await self.post_message("One", by=self.alice)
        last = await self.post_message("Two", by=self.alice)
        await self.next_hint(page, number=2, excerpt="Two")

        url = self.messages_url(last["id"])
        await self.send("patch", url, {"content": "Three"}, by=self.alice, status=200)
        await self.next_hint(page, number=2, excerpt="Three")
        await self.send("delete", url, by=self.alice, status=204)
        hint = await self.next_hint(page, number=2, isDeleted=True)
        assert (hint["excerpt"], hint["deletedRun"]) == ("", {"after": 1, "to": 2})
        await self.send("delete", self.messages_url(first["id"]), by=self.alice, status=204)
        hint = await self.next_hint(page, deletedRun={"after": 0, "to": 2})
        assert (hint["number"], hint["excerpt"], hint["isDeleted"]) == (2, "", True)

    async def test_new_title_is_in_the_hint(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.bob)

        await self.send("patch", self.room_url(), {"title": "Basmati"}, by=self.alice, status=200)

        await self.next_hint(page, groupTitle="Basmati", number=0, excerpt="")

    async def test_own_read_position_reaches_own_lists_only(self) -> None:
        message = await self.post_message(by=self.alice)
        page, other = [await self.open_page("/ws/chat/group/", by=user) for user in (self.bob, self.carol)]

        path = reverse("groupchat-read", args=[self.room.pk])
        await self.send("post", path, {"messageId": message["id"]}, by=self.bob, status=200)

        await self.next_hint(page, number=1, read={"messageId": message["id"], "number": 1})
        assert await other.receives_nothing()

    async def test_own_message_is_read_in_own_lists(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.bob)

        message = await self.post_message(by=self.bob)

        await self.next_hint(page, read={"messageId": message["id"], "number": 1})

    async def test_removed_member_gets_no_excerpt_even_if_the_removal_was_lost_on_the_way(self) -> None:
        page, other = [await self.open_page("/ws/chat/group/", by=user) for user in (self.bob, self.carol)]
        await self.post_message("Bob may read this", by=self.alice)
        await self.next_hint(page, excerpt="Bob may read this")

        with mock.patch("live.feeds._announce"):
            await self.send("delete", self.members_url(self.member.pk), by=self.alice, status=204)
        await self.post_message("Bob may not read this", by=self.alice)

        await self.next_hint(other, excerpt="Bob may not read this")
        assert "may not" not in str(await self.rest(page))

    async def rest(self, page: Page) -> list[Any]:
        """Returns all frames that still arrive."""
        frames = []
        while not await page.receives_nothing():
            frames.append(await page.receive())
        return frames

    async def test_a_room_that_was_left_and_joined_again_is_in_the_list_again(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.bob)
        await self.send("delete", self.members_url(self.member.pk), by=self.alice, status=204)
        await self.send("post", self.members_url(), {"user": self.bob.email}, by=self.alice, status=201)

        await self.post_message("Welcome back", by=self.alice)

        await self.next_hint(page, excerpt="Welcome back")

    async def test_a_list_that_was_left_is_kept_nowhere(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.bob)
        assert len(selective._consumers_of(ACTIVITY)) == 1

        await page.leave()

        assert selective._consumers_of(ACTIVITY) == set()

    async def test_a_list_receives_of_a_room_from_the_moment_one_is_in_it(self) -> None:
        page = await self.open_page("/ws/chat/group/", by=self.mallory)
        await self.send("post", self.members_url(), {"user": self.mallory.email}, by=self.alice, status=201)
        assert (await page.receive())["action"] == "added_to_group"

        await self.post_message(by=self.alice)

        assert (await self.hint(page, "group_chat_updated"))["groupPk"] == self.room.pk


class PresenceTests(RoomSocketCase):
    async def test_a_room_that_fails_keeps_no_other_from_being_refreshed(self) -> None:
        tracker = PresenceTracker()
        for room_id in (1, 2, 3):
            tracker.join(PresenceEntry(room_id, user_id=7))
        with mock.patch.object(tracker, "publish", side_effect=[None, ValueError("no presence"), None]) as publish:
            await tracker.refresh()

        assert [call.args for call in publish.call_args_list] == [(1,), (2,), (3,)]
