"""The frames of a room, and of a user's room list. Each event has its own class, and is the same for all recipients.

These frames identify users by their display names. E-mails are only in REST responses, which depend on the user.
"""

from datetime import datetime
from typing import Literal, Self

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field

from chat.excerpts import excerpt
from chat.groups import left_room_key, member_key, message_key, room_key
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.models.room import EXCERPT_OF
from core.dates import formatted
from live.messages import LoggedMessage, Unnumbered


class SenderPayload(BaseModel):
    id: int = Field(description="Id of the membership.")
    user: str = Field(description="The display name.")
    display_name: str = Field(description="The name other users see.")
    chat_role: int = Field(description="2001 owner, 2002 admin, 2003 member.")
    user_id: int = Field(description="Id of the user.")

    @classmethod
    def of(cls, member: ChatMember) -> "SenderPayload":
        return SenderPayload(
            id=member.pk,
            user=member.user.display_name,
            display_name=member.user.display_name,
            chat_role=member.chat_role,
            user_id=member.user_id,
        )


class MessagePayload(BaseModel):
    id: int = Field(description="Id of the message.")
    number: int = Field(description="Its number within the room: 1, 2, 3 … without gaps.")
    sender: SenderPayload | None = Field(description="null when they have left the room.")
    sender_name: str = Field(description="Also when they have left; empty when their account is gone.")
    user_id: int | None = Field(
        description="Id of the author, by which a page recognises its own messages; null if the account was deleted."
    )
    content: str = Field(description="The text, in Markdown.")
    content_html: str = Field(description="The content as safe HTML.")
    mentions: list[int] = Field(description="Ids of the mentioned users.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    formatted_time: str = Field(description="`createdAt` for users, in the site's time zone.")
    updated_at: datetime = Field(description="When it last changed, in UTC (ISO 8601).")
    is_edited: bool = Field(description="Whether it was edited.")
    is_deleted: bool = Field(description="Whether it was deleted; then it has no text.")

    @classmethod
    def of(cls, message: ChatMessage) -> Self:
        return cls(
            id=message.pk,
            number=message.number,
            sender=SenderPayload.of(message.sender) if message.sender else None,
            sender_name=message.sender_name,
            user_id=message.author_id,
            content=message.content,
            content_html=message.content_html,
            mentions=message.mentions,
            created_at=message.created_at,
            formatted_time=formatted(message.created_at),
            updated_at=message.updated_at,
            is_edited=message.is_edited,
            is_deleted=message.is_deleted,
        )


class MemberMessage(LoggedMessage):
    """A message was posted."""

    action: Literal["member_message"] = "member_message"
    payload: MessagePayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.user_id

    @classmethod
    def of(cls, message: ChatMessage) -> Self:
        return cls(payload=MessagePayload.of(message))


class MessageUpdated(LoggedMessage):
    """A message was edited."""

    action: Literal["message_updated"] = "message_updated"
    payload: MessagePayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.user_id

    @classmethod
    def of(cls, message: ChatMessage) -> Self:
        return cls(payload=MessagePayload.of(message))


class MessageDeleted(LoggedMessage):
    """A message was deleted. Its row stays, without text."""

    action: Literal["message_deleted"] = "message_deleted"
    payload: MessagePayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.user_id

    @classmethod
    def of(cls, message: ChatMessage) -> Self:
        return cls(payload=MessagePayload.of(message))


class MemberPayload(SenderPayload):
    last_read_message_id: int = Field(description="Id of the message up to which they have read; 0 for none.")

    @classmethod
    def of(cls, member: ChatMember) -> "MemberPayload":
        return cls(**dict(SenderPayload.of(member)), last_read_message_id=member.last_read_message_id)


class MemberAdded(LoggedMessage):
    """A user was added to the room."""

    action: Literal["member_added"] = "member_added"
    payload: MemberPayload

    @property
    def object_key(self) -> str:
        return member_key(self.payload.id)

    @property
    def named_user(self) -> int:
        return self.payload.user_id

    @classmethod
    def of(cls, member: ChatMember) -> Self:
        return cls(payload=MemberPayload.of(member))


class MemberUpdated(LoggedMessage):
    """A member's role was changed."""

    action: Literal["member_updated"] = "member_updated"
    payload: MemberPayload

    @property
    def object_key(self) -> str:
        return member_key(self.payload.id)

    @property
    def named_user(self) -> int:
        return self.payload.user_id

    @classmethod
    def of(cls, member: ChatMember) -> Self:
        return cls(payload=MemberPayload.of(member))


class MemberRemovedPayload(BaseModel):
    id: int = Field(description="Id of the membership that ended.")
    user: str = Field(description="The display name.")
    user_pk: int = Field(description="Id of the user.")
    has_left: bool = Field(description="Whether they left by themselves.")


class MemberRemoved(LoggedMessage):
    """A member left or was removed. Their messages stay, without a sender."""

    action: Literal["member_removed"] = "member_removed"
    payload: MemberRemovedPayload

    @property
    def object_key(self) -> str:
        return member_key(self.payload.id)

    @property
    def named_user(self) -> int:
        return self.payload.user_pk

    @classmethod
    def of(cls, member: ChatMember, *, has_left: bool) -> Self:
        return cls(
            payload=MemberRemovedPayload(
                id=member.pk, user=member.user.display_name, user_pk=member.user_id, has_left=has_left
            )
        )


class RemovalNoticePayload(BaseModel):
    redirect: Literal["/chat/"] = Field("/chat/", description="The address that the page should open.")
    message: str = Field(description="For users: the reason.")


class UserRemovedFromGroup(BaseMessage):
    """Sent to the removed user instead of `member_removed`. Then their socket is closed (4403)."""

    action: Literal["user_removed_from_group"] = "user_removed_from_group"
    payload: RemovalNoticePayload


class RoomPayload(BaseModel):
    id: int = Field(description="Id of the room.")
    title: str = Field(description="The title.")
    description: str = Field(description="The room's description; may be empty.")
    member_count: int = Field(description="The number of members.")
    updated_at: datetime = Field(description="When it last changed, in UTC (ISO 8601).")

    @classmethod
    def of(cls, room: GroupChat, *, member_count: int) -> "RoomPayload":
        return RoomPayload(
            id=room.pk,
            title=room.title,
            description=room.description,
            member_count=member_count,
            updated_at=room.updated_at,
        )


class GroupUpdated(LoggedMessage):
    """The room's title or description was changed."""

    action: Literal["group_updated"] = "group_updated"
    payload: RoomPayload

    @property
    def object_key(self) -> str:
        return room_key(self.payload.id)

    @classmethod
    def of(cls, room: GroupChat, *, member_count: int) -> Self:
        return cls(payload=RoomPayload.of(room, member_count=member_count))


class TypingPayload(BaseModel):
    user_id: int = Field(description="Id of the user.")
    user: str = Field(description="The display name.")
    is_typing: bool = Field(description="false when they have stopped.")


class Typing(Unnumbered):
    """A member has started or stopped typing. The indicator expires after five seconds: the end may be lost."""

    action: Literal["typing"] = "typing"
    payload: TypingPayload


class IAmTypingPayload(BaseModel):
    is_typing: bool = Field(True, description="false when they have stopped.")


class IAmTyping(BaseMessage):
    """Sent by a page whose user has started or stopped typing."""

    action: Literal["typing"] = "typing"
    payload: IAmTypingPayload = IAmTypingPayload()


class PresencePayload(BaseModel):
    count: int = Field(description="The number of users who have the room open.")
    user_ids: list[int] = Field(description="Ids of users, a hundred at most.")


class Presence(Unnumbered):
    """The users who have the room open now."""

    action: Literal["presence"] = "presence"
    payload: PresencePayload


class ReadPayload(BaseModel):
    user_id: int = Field(description="Id of the user.")
    message_id: int = Field(description="Id of the message up to which they have read.")


class Read(Unnumbered):
    """A member's read position. Sent in small rooms only."""

    action: Literal["read"] = "read"
    payload: ReadPayload


class JoinedRoomPayload(RoomPayload):
    group_pk: int = Field(description="Id of the room.")
    group_title: str = Field(description="Title of the room.")
    unread_count: Literal[0] = Field(0, description="New members have read all earlier messages.")
    last_read_message_id: int = Field(description="Id of the message up to which they have read; 0 for none.")
    last_number: int = Field(description="Number of the room's newest message; 0 for none.")
    last_read_number: int = Field(description="The same: earlier messages count as read.")


class AddedToGroup(LoggedMessage):
    """The user was added to a room."""

    action: Literal["added_to_group"] = "added_to_group"
    payload: JoinedRoomPayload

    @property
    def object_key(self) -> str:
        return room_key(self.payload.group_pk)

    @classmethod
    def of(cls, member: ChatMember, *, member_count: int) -> Self:
        room = member.group_chat
        return cls(
            payload=JoinedRoomPayload(
                **dict(RoomPayload.of(room, member_count=member_count)),
                group_pk=room.pk,
                group_title=room.title,
                last_read_message_id=member.last_read_message_id,
                last_number=member.last_read_number,
                last_read_number=member.last_read_number,
            )
        )


class LeftRoomPayload(BaseModel):
    group_pk: int = Field(description="Id of the room.")
    group_title: str = Field(
        description="Title of the room; empty in a replay when the room was renamed or deleted since."
    )


class RemovedFromGroup(LoggedMessage):
    """The user is no longer in a room: they left, were removed, or the room was deleted."""

    action: Literal["removed_from_group"] = "removed_from_group"
    payload: LeftRoomPayload

    @property
    def object_key(self) -> str:
        return left_room_key(self.payload.group_pk)

    @classmethod
    def of(cls, room: GroupChat) -> Self:
        return cls(payload=LeftRoomPayload(group_pk=room.pk, group_title=room.title))


class ReadPositionPayload(BaseModel):
    message_id: int = Field(description="Id of the message up to which the user has read.")
    number: int = Field(description="The number up to which nothing is unread.")


class DeletedRunPayload(BaseModel):
    after: int = Field(description="Number of the message before the deleted ones; 0 for none.")
    to: int = Field(description="Number of the last deleted one.")


class ActivityPayload(BaseModel):
    group_pk: int = Field(description="Id of the room.")
    group_title: str = Field(description="Title of the room.")
    updated_at: datetime = Field(description="When it last changed, in UTC (ISO 8601).")
    number: int = Field(
        description="Number of its newest message, 0 for none. The unread count is this minus the last read number."
    )
    excerpt: str = Field(description="The beginning of that message, as plain text; empty when it was deleted.")
    sender_name: str = Field(description="Display name of its author; empty when the account was deleted.")
    user_id: int | None = Field(description="Id of its author. The author has read the room up to it.")
    is_deleted: bool = Field(description="Whether that message was deleted.")
    changed_at: datetime | None = Field(
        description="When that message was last changed: ignore a hint with an older value for the same number."
    )
    deleted_run: DeletedRunPayload | None = Field(
        None,
        description="Set after a deletion. A read position from `after` to before `to` moves to `to`, "
        "since nothing in between is left to read.",
    )
    read: ReadPositionPayload | None = Field(
        None, description="The user's own read position; set after they read or sent something, on any device."
    )
    membership_version: int = Field(description="Raised by each removal of a member. Clients don't need it.")


class GroupChatUpdated(Unnumbered):
    """Activity in one of the user's rooms, with everything that a room list shows."""

    action: Literal["group_chat_updated"] = "group_chat_updated"
    payload: ActivityPayload

    @classmethod
    def of(
        cls,
        room: GroupChat,
        newest: ChatMessage | None,
        *,
        deleted_run: DeletedRunPayload | None = None,
        read: ReadPositionPayload | None = None,
    ) -> Self:
        return cls(
            payload=ActivityPayload(
                group_pk=room.pk,
                group_title=room.title,
                updated_at=room.updated_at,
                number=newest.number if newest else 0,
                excerpt=excerpt(newest.content_html[:EXCERPT_OF]) if newest else "",
                sender_name=newest.sender_name if newest else "",
                user_id=newest.author_id if newest else None,
                is_deleted=newest.is_deleted if newest else False,
                changed_at=newest.updated_at if newest else None,
                deleted_run=deleted_run,
                read=read,
                membership_version=room.membership_version,
            )
        )
