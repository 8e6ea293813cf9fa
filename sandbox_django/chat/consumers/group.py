import asyncio
import json
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from chanx.core.decorators import channel

from accounts.models import User
from chat.groups import ACTIVITY, person_feed
from chat.messages.chat import AddedToGroup, GroupChatUpdated, RemovedFromGroup
from chat.models import ChatMember
from core.live.authenticator import LiveAuthenticator
from core.live.consumer import LiveConsumer
from core.live.feeds import Fact
from core.live.hub import current_hub


class PersonAuthenticator(LiveAuthenticator):
    """Lets in who is signed in; they hear of their own rooms."""

    user: User


@channel(name="rooms", description="The rooms that I am in, live", tags=["chat"])
class GroupChatConsumer(LiveConsumer):
    """Keeps the room list of one person up to date.

    Memberships are facts of the person's own feed. That something happened in a room is one hint for each process,
    which knows whose open list it concerns: one for each member would be a thousand at every message.
    """

    authenticator_class = PersonAuthenticator
    authenticator: PersonAuthenticator
    emits = [AddedToGroup, RemovedFromGroup, GroupChatUpdated]

    rooms: set[int]  # ids

    def feed(self) -> str:
        return person_feed(self.authenticator.user.pk)

    def _read(self, since: int | None) -> None:
        # Before the log: what it tells of later changes is then applied to this.
        mine = ChatMember.objects.filter(user=self.authenticator.user)
        self.rooms = set(mine.values_list("group_chat_id", flat=True))
        super()._read(since)

    async def post_authentication(self) -> None:
        _open_lists().add(self)
        await current_hub().listen(ACTIVITY, tell_whom_it_concerns)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _open_lists().discard(self)

    def take_fact(self, fact: Fact, *, anyhow: bool = False) -> bool:
        is_next = fact.seq == self.seq + 1
        if is_next:
            self._follow(fact)
        return super().take_fact(fact, anyhow=anyhow)

    def _follow(self, fact: Fact) -> None:
        frame = json.loads(fact.frame)
        change = self.rooms.add if frame["action"] == "added_to_group" else self.rooms.discard
        change(frame["payload"]["groupPk"])


_lists: "WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[GroupChatConsumer]]" = WeakKeyDictionary()


def _open_lists() -> "WeakSet[GroupChatConsumer]":
    return _lists.setdefault(asyncio.get_running_loop(), WeakSet())


def tell_whom_it_concerns(frame: str) -> None:
    """Give a hint about a room to the open lists of the people in it."""
    room_id = json.loads(frame)["payload"]["groupPk"]
    for page in tuple(_open_lists()):
        if room_id in page.rooms:
            page.take_hint(frame)
