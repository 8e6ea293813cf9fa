import asyncio
import json
from collections import defaultdict
from functools import partial
from typing import Any

import structlog
from chanx.core.decorators import channel
from django.db import DatabaseError

from accounts.models import User
from chat.groups import ACTIVITY, user_feed
from chat.messages.chat import AddedToGroup, GroupChatUpdated, RemovedFromGroup
from chat.models import ChatMember, GroupChat
from live.authenticator import LiveAuthenticator
from live.feeds import Event
from live.selective import SelectiveConsumer
from runtime import jobs
from runtime.per_loop import PerLoop
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

UNKNOWN = -1  # lower than the version in any hint


class UserAuthenticator(LiveAuthenticator):
    """Authenticates signed-in users, who receive updates about their own rooms."""

    user: User


@channel(name="rooms", description="The rooms that I am in, live", tags=["chat"])
class GroupChatConsumer(SelectiveConsumer):
    """Keeps the room list of one user up to date.

    The user's own feed has an event for each change of a membership. Activity in a room is sent as a hint (an
    unnumbered frame) to the open room lists of its members.

    A hint contains the beginning of a message, which former members must not see. The event that ends a membership may
    arrive later than such a hint, or only when the log is read again. So each hint contains the room's membership
    version, which every removal increments. If that version is newer than the one in `rooms`, the members are looked up
    before the hint is sent.
    """

    authenticator_class = UserAuthenticator
    authenticator: UserAuthenticator
    emits = [AddedToGroup, RemovedFromGroup, GroupChatUpdated]
    hints_group = ACTIVITY

    rooms: dict[int, int]  # maps a room's id to the last version at which the user was a member
    _unchecked: int | None = None  # the next hint's room, if its members must be looked up

    def feed(self) -> str:
        return user_feed(self.authenticator.user.pk)

    def _read_log(self, since: int | None) -> None:
        # This is read before the log, so that later changes in the log are applied to it.
        mine = ChatMember.objects.filter(user=self.authenticator.user)
        self.rooms = dict(mine.values_list("group_chat_id", "group_chat__membership_version"))
        super()._read_log(since)

    def wants_hint(self, hint: Any) -> bool:
        room_id = hint["groupPk"]
        if room_id not in self.rooms:
            return False
        self._unchecked = room_id if hint["membershipVersion"] > self.rooms[room_id] else None
        return True

    def on_hint(self, frame: str) -> None:
        if self._unchecked is None:
            super().on_hint(frame)
            return
        _schedule_check(self._unchecked, self, frame)
        self._unchecked = None

    def confirm(self, room_id: int, version: int | None, frame: str) -> None:
        """Sends the hint after the look-up, or drops it if `version` is None because the user isn't a member."""
        if version is None:
            self.rooms.pop(room_id, None)
        elif room_id in self.rooms and not self._closing:
            self.rooms[room_id] = version
            super().on_hint(frame)

    def on_event(self, event: Event, *, from_log: bool = False) -> bool:
        is_next = event.seq == self.seq + 1
        if is_next:
            self._track_membership(event)
        return super().on_event(event, from_log=from_log)

    def _track_membership(self, event: Event) -> None:
        frame = json.loads(event.frame)
        room_id = frame["payload"]["groupPk"]
        if frame["action"] == "added_to_group":
            self.rooms[room_id] = UNKNOWN
        else:
            self.rooms.pop(room_id, None)


# For each event loop and room: the lists that wait for the same look-up of the members, each with its newest hint.
_waiting: PerLoop[defaultdict[int, dict[GroupChatConsumer, str]]] = PerLoop(lambda: defaultdict(dict))


def _schedule_check(room_id: int, consumer: GroupChatConsumer, frame: str) -> None:
    waiting = _waiting.current()
    if room_id not in waiting:
        jobs.start(_check, room_id)
    waiting[room_id][consumer] = frame


async def _check(room_id: int) -> None:
    """Looks up the room's members once for all lists that wait for them. Lists that need them later start another
    look-up.
    """
    await asyncio.sleep(0)  # other lists that receive the same hint can join this look-up
    consumers = _waiting.current().pop(room_id)
    try:
        version, user_ids = await in_database_thread(partial(_members_of, room_id))
    except DatabaseError as failure:
        # Drops the hint. Lists fetch their rooms when they reconnect, and the next hint starts another look-up.
        logger.warning("members_unreachable", error=type(failure).__name__, room=room_id)
        return
    for consumer, frame in consumers.items():
        is_member = consumer.authenticator.user.pk in user_ids
        consumer.confirm(room_id, version if is_member else None, frame)


def _members_of(room_id: int) -> tuple[int, set[int]]:
    # The version is read before the members. So a removal between the two queries causes another look-up.
    version = GroupChat.objects.filter(pk=room_id).values_list("membership_version", flat=True).first() or 0
    return version, set(ChatMember.objects.filter(group_chat=room_id).values_list("user_id", flat=True))
