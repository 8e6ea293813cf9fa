"""Changed or deleted text can't be read anywhere, neither in a replay of a whole feed nor in a repeated request."""

import json
from typing import Any
from unittest import mock
from uuid import UUID

from asgiref.sync import sync_to_async
from django.test import Client
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.models import User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AssistantConversationFactory
from assistants.groups import conversation_feed
from chat.groups import room_feed, user_feed
from chat.models import GroupChat
from chat.services.members import add_member, leave_room, remove_member
from chat.services.rooms import create_room
from core.models import IdempotencyKey
from discussion.groups import inbox_feed
from live import feeds
from live.consumer import LiveConsumer
from live.messages import LoggedMessage, Unnumbered
from live.models import Feed, FeedEvent
from test_utils.auth_api_test_case import auth_headers
from test_utils.testing import SocketTestCase
from test_utils.users import alice, bob, mallory

SECRET = "xyzzy-plugh"


class DeletedTextCase(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.alice, self.bob, self.mallory = alice(), bob(), mallory()
        self.signed_in = {user.pk: auth_headers(user) for user in (self.alice, self.bob, self.mallory)}

    def send(self, method: str, path: str, data: Any = None, *, by: User, key: str = "") -> Any:
        headers = {**self.signed_in[by.pk], **({"Idempotency-Key": key} if key else {})}
        response = getattr(APIClient(), method)(path, data, headers=headers)
        assert response.status_code < 300 or key, response.content
        return response.json() if response.content else None

    async def asend(self, method: str, path: str, data: Any = None, *, by: User, key: str = "") -> Any:
        return await sync_to_async(self.send)(method, path, data, by=by, key=key)

    async def replay(self, path: str, *, by: User) -> list[dict[str, Any]]:
        """Returns all frames that a socket without a position receives. They must contain every sequence number of the
        feed.
        """
        page = await self.open_socket(f"{path}?since=0", by=by)
        opening = await page.receive()
        assert opening["payload"]["statusCode"] == 200, opening
        head = opening["payload"]["data"]["seq"]
        frames = [await page.receive() for _ in range(head)]
        await page.leave()
        assert [frame["seq"] for frame in frames] == list(range(1, head + 1))
        return frames

    def assert_gone(self, text: str = SECRET) -> None:
        """Checks that the text is neither in stored frames nor in the responses stored for repeated requests."""
        found = FeedEvent.objects.filter(frame__contains=text)
        assert not found, [event.frame for event in found]
        assert not IdempotencyKey.objects.filter(answer__contains=text)


class RoomTests(DeletedTextCase):
    def setUp(self) -> None:
        super().setUp()
        self.room: GroupChat = create_room(self.alice, title="Rice")
        add_member(self.room, user=self.mallory, by=self.alice)
        self.messages = f"/api/chat/{self.room.pk}/messages/"

    async def test_member_who_joins_later_never_sees_edited_or_deleted_text(self) -> None:
        edited = await self.asend("post", self.messages, {"content": f"{SECRET} 1"}, by=self.alice)
        deleted = await self.asend("post", self.messages, {"content": f"{SECRET} 2"}, by=self.mallory)
        await self.asend("patch", f"{self.messages}{deleted['id']}/", {"content": f"{SECRET} 3"}, by=self.mallory)
        await self.asend("patch", f"{self.messages}{edited['id']}/", {"content": "fine"}, by=self.alice)
        await self.asend("delete", f"{self.messages}{deleted['id']}/", by=self.mallory)
        await sync_to_async(add_member)(self.room, user=self.bob, by=self.alice)

        frames = await self.replay(f"/ws/chat/{self.room.pk}/", by=self.bob)

        assert SECRET not in json.dumps(frames)
        shown = {frame["payload"]["id"]: frame["payload"] for frame in frames if "content" in frame["payload"]}
        listed = await self.asend("get", self.messages, by=self.bob)
        for message in listed["results"]:
            same = ("content", "contentHtml", "mentions", "isEdited", "isDeleted", "updatedAt")
            assert {name: shown[message["id"]][name] for name in same} == {name: message[name] for name in same}
        await sync_to_async(self.assert_gone)()

    def test_repeated_request_returns_the_message_as_it_is_now(self) -> None:
        key = "k"
        sent = self.send("post", self.messages, {"content": SECRET}, by=self.alice, key=key)
        self.send("delete", f"{self.messages}{sent['id']}/", by=self.alice)

        again = self.send("post", self.messages, {"content": SECRET}, by=self.alice, key=key)

        assert (again["id"], again["content"], again["isDeleted"]) == (sent["id"], "", True)

    async def test_earlier_titles_of_a_room_are_in_no_feed(self) -> None:
        room = await sync_to_async(create_room)(self.alice, title=SECRET, description=SECRET)
        await sync_to_async(add_member)(room, user=self.bob, by=self.alice)
        await self.asend("patch", f"/api/chat/{room.pk}/", {"title": f"{SECRET} 2"}, by=self.alice)
        await self.asend("patch", f"/api/chat/{room.pk}/", {"title": "Tea", "description": ""}, by=self.alice)

        for path in ("/ws/chat/group/", f"/ws/chat/{room.pk}/"):
            frames = await self.replay(path, by=self.bob)
            assert SECRET not in json.dumps(frames)
        await sync_to_async(self.assert_gone)()

    async def test_former_members_learn_no_later_title_of_a_room(self) -> None:
        room = await sync_to_async(create_room)(self.alice, title="Rice")
        removed = await sync_to_async(add_member)(room, user=self.bob, by=self.alice)
        await sync_to_async(add_member)(room, user=self.mallory, by=self.alice)
        await sync_to_async(remove_member)(removed, by=self.alice)
        await sync_to_async(leave_room)(room, user=self.mallory)
        await self.asend("patch", f"/api/chat/{room.pk}/", {"title": SECRET, "description": SECRET}, by=self.alice)

        for user in (self.bob, self.mallory):
            frames = await self.replay("/ws/chat/group/", by=user)
            assert SECRET not in json.dumps(frames)
        assert SECRET in json.dumps(await self.replay("/ws/chat/group/", by=self.alice))

    def test_deleted_room_leaves_no_title_with_former_members(self) -> None:
        room = create_room(self.alice, title=SECRET, description=SECRET)
        remove_member(add_member(room, user=self.bob, by=self.alice), by=self.alice)

        self.send("delete", f"/api/chat/{room.pk}/", by=self.alice)

        self.assert_gone()

    def test_deleted_room_takes_its_feed_and_its_text_along(self) -> None:
        self.send("patch", f"/api/chat/{self.room.pk}/", {"title": SECRET, "description": SECRET}, by=self.alice)
        self.send("post", self.messages, {"content": SECRET}, by=self.alice)
        add_member(self.room, user=self.bob, by=self.alice)

        self.send("delete", f"/api/chat/{self.room.pk}/", by=self.alice)

        self.assert_gone()
        assert not Feed.objects.filter(name=room_feed(self.room.pk)).exists()


class ForumTests(DeletedTextCase):
    def ask(self, **fields: Any) -> Any:
        return self.send("post", "/api/discussion/", {"title": "Which?", "content": "Tea.", **fields}, by=self.alice)

    async def test_edited_topic_shows_only_its_current_text(self) -> None:
        topic = await sync_to_async(self.ask)(title=SECRET, content=f"{SECRET} @Bob", tags=[SECRET])
        path = f"/api/discussion/{topic['id']}/"
        reply = await self.asend("post", f"{path}replies/", {"content": "Green"}, by=self.bob)
        await self.asend("post", f"{path}accept-answer/", {"replyId": reply["id"]}, by=self.alice)
        await self.asend("patch", path, {"content": f"{SECRET} again"}, by=self.alice)
        await self.asend("patch", path, {"title": "Which tea?", "content": "Tea", "tags": ["tea"]}, by=self.alice)

        for socket in ("/ws/discussion/", f"/ws/discussion/{topic['id']}/", "/ws/discussion/inbox/"):
            frames = await self.replay(socket, by=self.bob)
            assert frames, socket
            assert SECRET not in json.dumps(frames), socket
        await sync_to_async(self.assert_gone)()

    async def test_deleted_topic_leaves_no_text(self) -> None:
        topic = await sync_to_async(self.ask)(title=SECRET, content=f"{SECRET} @Bob", tags=[SECRET])

        await self.asend("delete", f"/api/discussion/{topic['id']}/", by=self.alice)

        frames = await self.replay("/ws/discussion/", by=self.bob)
        assert [frame["action"] for frame in frames] == ["topic_created", "topic_deleted"]
        await self.replay("/ws/discussion/inbox/", by=self.bob)
        await sync_to_async(self.assert_gone)()

    def test_repeated_request_reports_that_the_topic_was_deleted(self) -> None:
        body = {"title": SECRET, "content": SECRET}
        topic = self.send("post", "/api/discussion/", body, by=self.alice, key="k")
        self.send("delete", f"/api/discussion/{topic['id']}/", by=self.alice)

        again = self.send("post", "/api/discussion/", body, by=self.alice, key="k")

        assert again["errors"][0]["code"] == "created_object_gone"

    async def test_edited_and_deleted_replies_show_only_their_current_text(self) -> None:
        topic = await sync_to_async(self.ask)()
        replies = f"/api/discussion/{topic['id']}/replies/"
        edited = await self.asend("post", replies, {"content": f"{SECRET} 1 @Mallory"}, by=self.bob)
        deleted = await self.asend("post", replies, {"content": f"{SECRET} 2"}, by=self.bob)
        await self.asend("patch", f"{replies}{edited['id']}/", {"content": "fine"}, by=self.bob)
        await self.asend("patch", f"{replies}{deleted['id']}/", {"content": f"{SECRET} 3"}, by=self.bob)
        await self.asend("delete", f"{replies}{deleted['id']}/", by=self.bob)

        frames = await self.replay(f"/ws/discussion/{topic['id']}/", by=self.mallory)

        assert SECRET not in json.dumps(frames)
        texts = [frame["payload"]["content"] for frame in frames if "content" in frame["payload"]]
        assert texts == ["fine", "", "fine", ""]
        await sync_to_async(self.assert_gone)()


class ConversationTests(DeletedTextCase):
    async def test_renamed_conversation_shows_only_its_current_title(self) -> None:
        conversation = await sync_to_async(AssistantConversationFactory.create)(user=self.alice)
        path = f"/api/assistants/conversations/{conversation.pk}/"
        await self.asend("patch", path, {"title": SECRET}, by=self.alice)
        await self.asend("patch", path, {"title": "Tea"}, by=self.alice)

        frames = await self.replay(f"/ws/assistants/{conversation.pk}/", by=self.alice)

        assert [frame["payload"]["title"] for frame in frames] == ["Tea", "Tea"]

    def test_deleted_conversation_leaves_no_feed(self) -> None:
        conversation = AssistantConversationFactory.create(user=self.alice)
        path = f"/api/assistants/conversations/{conversation.pk}/"
        self.send("patch", path, {"title": SECRET}, by=self.alice)

        self.send("delete", path, by=self.alice)

        assert not Feed.objects.filter(name=conversation_feed(conversation.pk)).exists()
        self.assert_gone()


class AccountTests(DeletedTextCase):
    """Deletes Bob's account. Bob has a conversation, posts in Alice's room and in the forum, owns a room, and has
    notifications.
    """

    def setUp(self) -> None:
        super().setUp()
        self.bob.display_name = SECRET
        self.bob.save(update_fields=["display_name"])
        self.conversation = AssistantConversationFactory.create(user=self.bob)
        path = f"/api/assistants/conversations/{self.conversation.pk}/"
        self.send("patch", path, {"title": "Tea"}, by=self.bob)
        self.room: GroupChat = create_room(self.alice, title="Rice")
        add_member(self.room, user=self.bob, by=self.alice)
        self.alone = create_room(self.bob, title="Alone")
        for room in (self.room, self.alone):
            self.send("post", f"/api/chat/{room.pk}/messages/", {"content": "Hello"}, by=self.bob)
        asked = self.send("post", "/api/discussion/", {"title": "Which?", "content": "Tea."}, by=self.alice)
        self.topic = f"/api/discussion/{asked['id']}/"
        reply = self.send("post", f"{self.topic}replies/", {"content": "Green"}, by=self.bob)
        self.send("post", f"{self.topic}accept-answer/", {"replyId": reply["id"]}, by=self.alice)
        self.send("post", "/api/discussion/", {"title": "His", "content": "@Alice?"}, by=self.bob)

    def feeds_of_bob(self) -> set[str]:
        return {
            conversation_feed(UUID(str(self.conversation.pk))),
            user_feed(self.bob.pk),
            inbox_feed(self.bob.pk),
            room_feed(self.alone.pk),
        }

    def assert_deleted(self) -> None:
        self.assert_gone()
        assert not Feed.objects.filter(name__in=self.feeds_of_bob()).exists()

    def test_feeds_are_there_before(self) -> None:
        assert Feed.objects.filter(name__in=self.feeds_of_bob()).count() == len(self.feeds_of_bob())
        assert FeedEvent.objects.filter(frame__contains=SECRET).exists()

    def test_deleting_the_user_deletes_feeds_and_name(self) -> None:
        User.objects.get(pk=self.bob.pk).delete()
        self.assert_deleted()

    def test_deleting_several_users_by_a_query_deletes_feeds_and_names(self) -> None:
        pks = [self.bob.pk, self.mallory.pk]
        User.objects.filter(pk__in=pks).delete()
        self.assert_deleted()

    def test_deleting_the_user_in_the_admin_deletes_feeds_and_name(self) -> None:
        admin = UserFactory.create(email="root@example.com", is_staff=True, is_superuser=True)
        browser = Client()
        browser.force_login(admin)

        browser.post(f"/admin/accounts/user/{self.bob.pk}/delete/", {"post": "yes"})

        assert not User.objects.filter(pk=self.bob.pk).exists()
        self.assert_deleted()

    async def test_frames_that_named_a_deleted_user_are_still_valid_and_complete(self) -> None:
        await sync_to_async(User.objects.filter(pk=self.bob.pk).delete)()

        frames = await self.replay(f"/ws/chat/{self.room.pk}/", by=self.alice)
        (message,) = [frame["payload"] for frame in frames if frame["action"] == "member_message"]
        assert (message["sender"], message["senderName"], message["userId"]) == (None, "", None)
        for socket in ("/ws/discussion/", "/ws/discussion/inbox/", self.topic.replace("/api/", "/ws/")):
            assert await self.replay(socket, by=self.alice)

    async def test_new_name_replaces_the_old_one_in_every_feed(self) -> None:
        await self.asend("patch", "/api/accounts/user/", {"displayName": "Robert"}, by=self.bob)

        await sync_to_async(self.assert_gone)()
        frames = await self.replay(f"/ws/chat/{self.room.pk}/", by=self.alice)
        (message,) = [frame["payload"] for frame in frames if frame["action"] == "member_message"]
        assert (message["senderName"], message["sender"]["displayName"]) == ("Robert", "Robert")


class LoggedMessageTests(DeletedTextCase):
    def test_every_numbered_frame_with_text_names_the_object_of_its_text(self) -> None:
        without_text = {"NotificationsRead", "NotificationsDeleted", "ReplyDeleted", "ConversationClaimed"}
        unknown = {
            message.__name__
            for consumer in all_consumers(LiveConsumer)
            if consumer.__module__.partition(".")[0] in {"assistants", "chat", "discussion"}
            for message in consumer.emits
            if not issubclass(message, Unnumbered | LoggedMessage)
        }
        # The removal notice is not stored. It replaces another frame when that frame is sent.
        assert unknown - {"UserRemovedFromGroup", "ErrorMessage"} == without_text

    def test_log_with_too_many_frames_of_one_user_is_cut_and_not_rewritten(self) -> None:
        room = create_room(self.alice, title="Rice")
        for number in range(4):
            self.send("post", f"/api/chat/{room.pk}/messages/", {"content": f"{number}"}, by=self.alice)

        with mock.patch.object(feeds, "REWRITE_LIMIT", 2):
            self.alice.display_name = "Ali"
            self.alice.save(update_fields=["display_name"])

        self.assert_gone("Alice")
        assert not feeds.read(room_feed(room.pk), 0).complete
        assert len(feeds.read(room_feed(room.pk), 2).events) == 2


def all_consumers(kind: type[LiveConsumer]) -> list[type[LiveConsumer]]:
    return [kind, *(one for sub in kind.__subclasses__() for one in all_consumers(sub))]
