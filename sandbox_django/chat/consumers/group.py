import json
from typing import Any

from chanx.core.decorators import channel

from accounts.models import User
from chat.groups import ACTIVITY, person_feed
from chat.messages.chat import AddedToGroup, GroupChatUpdated, RemovedFromGroup
from chat.models import ChatMember
from core.live.authenticator import LiveAuthenticator
from core.live.feeds import Fact
from core.live.selective import SelectiveConsumer


class PersonAuthenticator(LiveAuthenticator):
    """Lets in who is signed in; they hear of their own rooms."""

    user: User


@channel(name="rooms", description="The rooms that I am in, live", tags=["chat"])
class GroupChatConsumer(SelectiveConsumer):
    """Keeps the room list of one person up to date.

    Memberships are facts of the person's own feed. That something happened in a room is a hint for the open lists of
    those who are in it.
    """

    authenticator_class = PersonAuthenticator
    authenticator: PersonAuthenticator
    emits = [AddedToGroup, RemovedFromGroup, GroupChatUpdated]
    hints_group = ACTIVITY

    rooms: set[int]  # ids

    def feed(self) -> str:
        return person_feed(self.authenticator.user.pk)

    def _read(self, since: int | None) -> None:
        # Before the log: what it tells of later changes is then applied to this.
        mine = ChatMember.objects.filter(user=self.authenticator.user)
        self.rooms = set(mine.values_list("group_chat_id", flat=True))
        super()._read(since)

    def concerns(self, about: Any) -> bool:
        return about["groupPk"] in self.rooms

    def take_fact(self, fact: Fact, *, anyhow: bool = False) -> bool:
        is_next = fact.seq == self.seq + 1
        if is_next:
            self._follow(fact)
        return super().take_fact(fact, anyhow=anyhow)

    def _follow(self, fact: Fact) -> None:
        frame = json.loads(fact.frame)
        change = self.rooms.add if frame["action"] == "added_to_group" else self.rooms.discard
        change(frame["payload"]["groupPk"])
