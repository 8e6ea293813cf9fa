"""Checks that applying events to a page's state gives the same result as fetching the state again."""

from typing import Any

from chat.tests.cases import ADMIN, MEMBER, OWNER
from chat.tests.test_room_sockets import RoomSocketCase
from test_utils.testing import Page

State = dict[str, Any]


def with_event(state: State, frame: dict[str, Any]) -> State:
    """Returns the state of a room's page after this frame."""
    messages, members, room = dict(state["messages"]), dict(state["members"]), dict(state["room"])
    event = frame["payload"]
    match frame["action"]:
        case "member_message":
            messages[event["id"]] = event
            room |= {"updatedAt": event["createdAt"], "lastNumber": event["number"]}
            # Posting a message marks the room as read for its author.
            members = {
                pk: {**member, "lastReadMessageId": event["id"]} if member["userId"] == event["userId"] else member
                for pk, member in members.items()
            }
        case "message_updated" | "message_deleted":
            messages[event["id"]] = event
        case "member_added":
            members[event["id"]] = event
            room["memberCount"] += 1
        case "member_updated":
            members[event["id"]] = event
        case "member_removed":
            del members[event["id"]]
            room["memberCount"] -= 1
        case "group_updated":
            room = {**room, **event}
    by_user = {member["userId"]: member for member in members.values()}
    for pk, message in messages.items():
        messages[pk] = {**message, "sender": sender_of(by_user.get(message["userId"]))}
    return {"messages": messages, "members": members, "room": room}


def sender_of(member: dict[str, Any] | None) -> dict[str, Any] | None:
    return member and {key: value for key, value in member.items() if key != "lastReadMessageId"}


class RoomStateTests(RoomSocketCase):
    async def fetch(self) -> State:
        """Returns Bob's state from the API, without the fields that depend on the user."""
        room = await self.send("GET", self.room_url(), by=self.bob)
        for in_lists in ("unreadCount", "lastReadMessageId", "lastReadNumber", "lastMessage"):
            del room[in_lists]
        messages = (await self.send("GET", self.messages_url(), by=self.bob))["results"]
        members = (await self.send("GET", self.members_url(), by=self.bob))["results"]
        for message in messages:
            del message["isMine"]
        for user in [*members, *[message["sender"] for message in messages if message["sender"]]]:
            user["user"] = user["displayName"]
        return {
            "messages": {message["id"]: message for message in messages},
            "members": {member["id"]: member for member in members},
            "room": room,
        }

    async def check(self, page: Page, state: State, *actions: str) -> State:
        """Checks that the next frames have these actions. Applying them must give the state that the API returns."""
        for action in actions:
            frame = await self.event(page)
            assert frame["action"] == action
            state = with_event(state, frame)
        assert state == await self.fetch()
        return state

    async def test_every_event_of_a_room_makes_the_old_state_the_new_one(self) -> None:
        page, state = await self.open(self.bob), await self.fetch()

        posted = await self.post_message("Two **cups**, @Bob", by=self.alice)
        state = await self.check(page, state, "member_message")
        url = self.messages_url(posted["id"])
        await self.send("patch", url, {"content": "Three"}, by=self.alice, status=200)
        state = await self.check(page, state, "message_updated")
        await self.post_message("From Carol", by=self.carol)
        state = await self.check(page, state, "member_message")
        await self.send("delete", url, by=self.carol, status=204)
        state = await self.check(page, state, "message_deleted")
        await self.send("patch", self.members_url(self.admin.pk), {"chatRole": OWNER}, by=self.alice, status=200)
        state = await self.check(page, state, "member_updated")
        added = await self.send("post", self.members_url(), {"user": self.mallory.email}, by=self.alice, status=201)
        state = await self.check(page, state, "member_added")
        await self.post_message("From Mallory", by=self.mallory)
        state = await self.check(page, state, "member_message")
        await self.send("delete", self.members_url(added["id"]), by=self.mallory, status=204)
        state = await self.check(page, state, "member_removed")
        again = {"user": self.mallory.email, "chatRole": ADMIN}
        await self.send("post", self.members_url(), again, by=self.alice, status=201)
        state = await self.check(page, state, "member_added")
        await self.send("post", f"{self.members_url(self.member.pk)}hand-over/", by=self.alice, status=200)
        state = await self.check(page, state, "member_updated", "member_updated")
        await self.send("patch", self.members_url(self.owner.pk), {"chatRole": MEMBER}, by=self.bob, status=200)
        state = await self.check(page, state, "member_updated")
        await self.send("patch", self.room_url(), {"title": "Water", "description": "More"}, by=self.bob, status=200)
        await self.check(page, state, "group_updated")


class ListStateTests(RoomSocketCase):
    async def fetch(self) -> State:
        rooms = (await self.send("GET", "/api/chat/", by=self.mallory))["results"]
        # The event has no last message, which lists receive in a hint.
        return {room["id"]: {k: v for k, v in room.items() if k != "lastMessage"} for room in rooms}

    async def test_every_event_of_a_user_makes_the_old_list_the_new_one(self) -> None:
        await self.post_message(by=self.alice)
        page = await self.open_page("/ws/chat/group/", by=self.mallory)
        state = await self.fetch()
        assert state == {}

        async def check() -> None:
            frame = await page.receive()
            room = frame["payload"]
            if frame["action"] == "added_to_group":
                state[room["groupPk"]] = {k: v for k, v in room.items() if k not in ("groupPk", "groupTitle")}
            else:
                assert frame["action"] == "removed_from_group"
                del state[room["groupPk"]]
            assert state == await self.fetch()

        own = await self.send("post", "/api/chat/", {"title": "Mine"}, by=self.mallory, status=201)
        await check()
        added = await self.send("post", self.members_url(), {"user": self.mallory.email}, by=self.alice, status=201)
        await check()
        await self.send("delete", self.members_url(added["id"]), by=self.alice, status=204)
        await check()
        await self.send("post", self.members_url(), {"user": self.mallory.email}, by=self.alice, status=201)
        await check()
        await self.send("delete", f"/api/chat/{own['id']}/", by=self.mallory, status=204)
        await check()
        await self.send("delete", self.room_url(), by=self.alice, status=204)
        await check()
        assert state == {}
