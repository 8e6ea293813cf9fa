import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Any, Self

import structlog
from chanx.core.decorators import channel, ws_handler
from django.db import Error

from accounts.models import User
from chat import presence
from chat.groups import room_feed
from chat.messages.chat import (
    GroupUpdated,
    IAmTyping,
    MemberAdded,
    MemberMessage,
    MemberRemoved,
    MemberUpdated,
    MessageDeleted,
    MessageUpdated,
    Presence,
    Read,
    RemovalNoticePayload,
    Typing,
    TypingPayload,
    UserRemovedFromGroup,
)
from chat.models import ChatMember, GroupChat
from core.raw_rows import find
from live import hints
from live.authenticator import LiveAuthenticator
from live.consumer import CLOSE_TRY_AGAIN, LiveConsumer
from live.feeds import Event
from live.frames import encode
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

CLOSE_REMOVED = 4403
MEMBER_REMOVED = '{"action":"member_removed"'  # frames of this event begin so


class RoomAuthenticator(LiveAuthenticator):
    """Authenticates members of the room; `obj` is the membership. For other users, the socket closes with 4404."""

    user: User
    obj: ChatMember

    def find_object(self, *, pk: int) -> ChatMember | None:
        return find(ChatMember, group_chat_id=pk, user_id=self.user.pk)


@channel(name="room", description="One room, live", tags=["chat"])
class ChatDetailConsumer(LiveConsumer):
    """Keeps an open page of a room up to date while the user is a member."""

    authenticator_class = RoomAuthenticator
    authenticator: RoomAuthenticator
    emits = [
        MemberMessage,
        MessageUpdated,
        MessageDeleted,
        MemberAdded,
        MemberUpdated,
        MemberRemoved,
        UserRemovedFromGroup,
        GroupUpdated,
        Typing,
        Presence,
        Read,
    ]

    _presence: presence.PresenceEntry | None = None
    # While the membership is being checked, the socket sends no events.
    _membership_check: asyncio.Task[None] | None = None

    def feed(self) -> str:
        return room_feed(self.authenticator.obj.group_chat_id)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave_presence()

    async def post_authentication(self) -> None:
        me = self.authenticator.obj
        self._presence = presence.join(me.group_chat_id, me.user_id)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        self._leave_presence()
        await super().close(code, reason)

    def _leave_presence(self) -> None:
        if self._presence is not None:
            presence.leave(self._presence)
            self._presence = None

    @ws_handler(summary="I am writing, or have stopped")
    async def broadcast_typing(self, message: IAmTyping) -> None:
        me = self.authenticator.obj
        if self._membership_check is None:
            typing = Typing(
                payload=TypingPayload(
                    user_id=me.user_id, user=self.authenticator.user.display_name, is_typing=message.payload.is_typing
                )
            )
            hints.send(self.feed(), f"typing of {me.user_id}", typing)

    # --- The end of a membership

    def on_event(self, event: Event, *, from_log: bool = False) -> bool:
        if self._membership_check is not None:
            return False  # the hub delivers this event again, since it was not sent
        if event.seq == self.seq + 1 and self._ends_my_membership(event):
            self._membership_check = asyncio.create_task(self._check_membership(event))
            return False
        return super().on_event(event, from_log=from_log)

    def on_hint(self, frame: str) -> None:
        if self._membership_check is None:
            super().on_hint(frame)

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]:
        memberships = {consumer.authenticator.obj.pk for consumer in consumers}
        current = set(ChatMember.objects.filter(pk__in=memberships).values_list("pk", flat=True))
        return [consumer for consumer in consumers if consumer.authenticator.obj.pk in current]

    def _ends_my_membership(self, event: Event) -> bool:
        """Returns whether the event removes this membership, and not an earlier membership of the same user."""
        # The text is compared first, since every socket checks every event and few events are removals.
        if not event.frame.startswith(MEMBER_REMOVED):
            return False
        return bool(json.loads(event.frame)["payload"]["id"] == self.authenticator.obj.pk)

    async def _check_membership(self, event: Event) -> None:
        """Keeps the socket open if the user has been added again. Otherwise sends the removal notice and closes the
        socket.
        """
        try:
            me, room = await in_database_thread(self._reload_membership)
        except Error as failure:
            logger.warning("live_log_unreachable", error=type(failure).__name__, feed=self.feed())
            await self.close(CLOSE_TRY_AGAIN)  # the client reconnects and is authenticated again
            return
        if me is not None:
            self.authenticator.obj = me
            self._membership_check = None
            super().on_event(event, from_log=True)
            return
        title = room.title if room else ""
        has_left = json.loads(event.frame)["payload"]["hasLeft"]
        notice = f"You have left “{title}”." if has_left else f"You were removed from “{title}”."
        self._send_queue.put(encode(UserRemovedFromGroup(payload=RemovalNoticePayload(message=notice)), seq=event.seq))
        await self.close(CLOSE_REMOVED)

    def _reload_membership(self) -> tuple[ChatMember | None, GroupChat | None]:
        room = self.authenticator.obj.group_chat_id
        return self.authenticator.find_object(pk=room), find(GroupChat, id=room)
