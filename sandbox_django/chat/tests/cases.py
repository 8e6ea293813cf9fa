"""The users of room tests. Alice owns the room, Carol is an admin, Bob is a member, and Mallory is a stranger."""

from typing import Any

from django.test import TransactionTestCase
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.models import User
from chat.factories import ChatMemberFactory, GroupChatFactory
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from test_utils.auth_api_test_case import auth_headers
from test_utils.users import alice, bob, mallory

OWNER, ADMIN, MEMBER = ChatRole.OWNER.value, ChatRole.ADMIN.value, ChatRole.MEMBER.value


class Room:
    """Creates the users and their room, for any kind of test case."""

    alice: User
    bob: User
    carol: User
    mallory: User
    room: GroupChat
    owner: ChatMember
    admin: ChatMember
    member: ChatMember

    def make_room(self) -> None:
        self.alice, self.bob, self.mallory = alice(), bob(), mallory()
        self.carol = UserFactory.create(email="carol@example.com", display_name="Carol")
        self.room = GroupChatFactory.create(title="Rice")
        self.owner = ChatMemberFactory.create(group_chat=self.room, user=self.alice, chat_role=OWNER)
        self.admin = ChatMemberFactory.create(group_chat=self.room, user=self.carol, chat_role=ADMIN)
        self.member = ChatMemberFactory.create(group_chat=self.room, user=self.bob)

    def room_url(self) -> str:
        return reverse("groupchat-detail", args=[self.room.pk])

    def messages_url(self, pk: int | None = None) -> str:
        return self._url("chat-messages", pk)

    def members_url(self, pk: int | None = None) -> str:
        return self._url("chat-members", pk)

    def _url(self, name: str, pk: int | None) -> str:
        if pk is None:
            return reverse(f"{name}-list", args=[self.room.pk])
        return reverse(f"{name}-detail", args=[self.room.pk, pk])


class RoomCase(Room, TransactionTestCase):
    """A test case that can send requests as each of these users."""

    def setUp(self) -> None:
        self.make_room()
        self._signed_in: dict[int, dict[str, str]] = {}

    def sign_in(self, user: User) -> dict[str, str]:
        """Returns the headers of a program that has signed in as `user`. Signs in once per user."""
        if user.pk not in self._signed_in:
            self._signed_in[user.pk] = auth_headers(user)
        return self._signed_in[user.pk]

    def send(self, method: str, url: str, data: Any = None, *, by: User | None, key: str = "") -> Any:
        """Sends a request; `key` is its Idempotency-Key."""
        headers = {**(self.sign_in(by) if by else {}), **({"Idempotency-Key": key} if key else {})}
        return getattr(APIClient(), method)(url, data, headers=headers)

    def post_message(self, content: str = "Hello", *, by: User | None = None, key: str = "") -> Any:
        return self.send("post", self.messages_url(), {"content": content}, by=by or self.bob, key=key)


def code_of(response: Any) -> tuple[int, str, str | None]:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]
