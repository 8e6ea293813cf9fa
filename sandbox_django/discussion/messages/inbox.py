"""The frames of a user's inbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field

from core.dates import formatted
from discussion.groups import topic_key
from discussion.messages.discussion import AuthorPayload
from discussion.models import Notification
from live.messages import LoggedMessage


class CreatedPayload(BaseModel):
    id: int = Field(description="Id of the notification.")
    kind: Literal["reply", "mention", "accepted"] = Field(description="The reason for the notification.")
    topic_id: int = Field(description="Id of the topic.")
    topic_title: str = Field(description="Title of the topic.")
    reply_id: int | None = Field(description="Id of the reply; null for what is in the topic itself.")
    actor: AuthorPayload | None = Field(description="The user who did it; null when their account is gone.")
    is_read: bool = Field(description="Whether the user has read it.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    formatted_created_at: str = Field(description="The same for users, in the site's time zone.")
    unread_count: int = Field(description="How many things in the inbox are unread now.")


class NotificationCreated(LoggedMessage):
    """The user has a new notification."""

    action: Literal["notification_created"] = "notification_created"
    payload: CreatedPayload

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.topic_id)

    @property
    def named_user(self) -> int | None:
        return self.payload.actor.id if self.payload.actor else None

    @classmethod
    def of(cls, notification: Notification, *, unread_count: int) -> Self:
        return cls(
            payload=CreatedPayload(
                id=notification.pk,
                kind=notification.kind,  # type: ignore[arg-type]  # one of ours
                topic_id=notification.topic_id,
                topic_title=notification.topic.title,
                reply_id=notification.reply_id,
                actor=AuthorPayload.of(notification.actor),
                is_read=notification.is_read,
                created_at=notification.created_at,
                formatted_created_at=formatted(notification.created_at),
                unread_count=unread_count,
            )
        )


class ReadPayload(BaseModel):
    ids: list[int] | None = Field(description="Ids of notifications; null for all that were there.")
    unread_count: int = Field(description="How many things in the inbox are unread now.")


class NotificationsRead(BaseMessage):
    """The user has read these notifications."""

    action: Literal["notifications_read"] = "notifications_read"
    payload: ReadPayload

    @classmethod
    def of(cls, ids: Sequence[int] | None, *, unread_count: int) -> Self:
        return cls(payload=ReadPayload(ids=None if ids is None else list(ids), unread_count=unread_count))


class DeletedPayload(BaseModel):
    ids: list[int] = Field(description="Ids of notifications.")
    unread_count: int = Field(description="How many things in the inbox are unread now.")


class NotificationsDeleted(BaseMessage):
    """Notifications were removed, because their subject was deleted."""

    action: Literal["notifications_deleted"] = "notifications_deleted"
    payload: DeletedPayload

    @classmethod
    def of(cls, ids: Sequence[int], *, unread_count: int) -> Self:
        return cls(payload=DeletedPayload(ids=list(ids), unread_count=unread_count))
