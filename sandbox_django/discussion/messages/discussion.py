"""The frames of the topic list and of topics. Each event has its own class, and is the same for all recipients.

These frames identify users by their display names. Data that depends on the user is only in REST responses.
"""

from datetime import datetime
from typing import Literal, Self

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field, PrivateAttr

from accounts.models import User
from core.dates import formatted
from discussion.groups import reply_key, topic_key
from discussion.models import DiscussionReply, DiscussionTopic
from live.messages import LoggedMessage, Unnumbered


class AuthorPayload(BaseModel):
    id: int = Field(description="Id of the user.")
    display_name: str = Field(description="The name other users see.")

    @classmethod
    def of(cls, user: User | None) -> "AuthorPayload | None":
        return AuthorPayload(id=user.pk, display_name=user.display_name) if user else None


class TopicPayload(BaseModel):
    id: int = Field(description="Id of the topic.")
    title: str = Field(description="The title.")
    content: str = Field(description="The question, in Markdown.")
    content_html: str = Field(description="The content as safe HTML.")
    mentions: list[int] = Field(description="Ids of the mentioned users.")
    author: AuthorPayload | None = Field(description="null when their account is gone.")
    tags: list[str] = Field(description="Lower case, without spaces.")
    vote_count: int = Field(description="Votes for, less votes against.")
    reply_count: int = Field(description="How many replies it has.")
    view_count: int = Field(description="The number of views.")
    has_accepted_answer: bool = Field(description="Whether a reply was accepted as the answer.")
    is_closed: bool = Field(description="Whether it is closed to new replies.")
    is_pinned: bool = Field(description="Whether it stays at the top of the list.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    formatted_created_at: str = Field(description="The same for users, in the site's time zone.")
    last_activity_at: datetime = Field(description="The time of the last post in it, in UTC (ISO 8601).")
    is_edited: bool = Field(description="Whether it was edited.")
    edited_at: datetime | None = Field(description="When it was last changed, in UTC (ISO 8601); null for never.")

    @classmethod
    def of(cls, topic: DiscussionTopic) -> "TopicPayload":
        return TopicPayload(
            id=topic.pk,
            title=topic.title,
            content=topic.content,
            content_html=topic.content_html,
            mentions=topic.mentions,
            author=AuthorPayload.of(topic.author),
            tags=topic.tag_names,
            vote_count=topic.vote_count,
            reply_count=topic.reply_count,
            view_count=topic.view_count,
            has_accepted_answer=topic.has_accepted_answer,
            is_closed=topic.is_closed,
            is_pinned=topic.is_pinned,
            created_at=topic.created_at,
            formatted_created_at=formatted(topic.created_at),
            last_activity_at=topic.last_activity_at,
            is_edited=topic.is_edited,
            edited_at=topic.edited_at,
        )


class TopicCreated(LoggedMessage):
    """A topic was created."""

    action: Literal["topic_created"] = "topic_created"
    payload: TopicPayload

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.author.id if self.payload.author else None

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=TopicPayload.of(topic))


class TopicUpdated(LoggedMessage):
    """A topic was edited, closed, reopened, pinned or unpinned."""

    action: Literal["topic_updated"] = "topic_updated"
    payload: TopicPayload

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.author.id if self.payload.author else None

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=TopicPayload.of(topic))


class DeletedTopicPayload(BaseModel):
    id: int = Field(description="Id of the topic.")
    title: str = Field(description="The title; empty in a replay, for it is deleted, too.")


class TopicDeleted(LoggedMessage):
    """A topic was deleted, with its replies. Then the sockets of the topic are closed (4404)."""

    action: Literal["topic_deleted"] = "topic_deleted"
    payload: DeletedTopicPayload

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.id)

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=DeletedTopicPayload(id=topic.pk, title=topic.title))


class ReplyPayload(BaseModel):
    id: int = Field(description="Id of the reply.")
    topic_id: int = Field(description="Id of the topic.")
    content: str = Field(description="The reply, in Markdown.")
    content_html: str = Field(description="The content as safe HTML.")
    mentions: list[int] = Field(description="Ids of the mentioned users.")
    author: AuthorPayload | None = Field(description="null when their account is gone.")
    vote_count: int = Field(description="Votes for, less votes against.")
    is_accepted: bool = Field(description="Whether it was accepted as the answer.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    formatted_created_at: str = Field(description="The same for users, in the site's time zone.")
    is_edited: bool = Field(description="Whether it was edited.")
    edited_at: datetime | None = Field(description="When it was last changed, in UTC (ISO 8601); null for never.")

    @classmethod
    def of(cls, reply: DiscussionReply) -> "ReplyPayload":
        return ReplyPayload(
            id=reply.pk,
            topic_id=reply.topic_id,
            content=reply.content,
            content_html=reply.content_html,
            mentions=reply.mentions,
            author=AuthorPayload.of(reply.author),
            vote_count=reply.vote_count,
            is_accepted=reply.is_accepted,
            created_at=reply.created_at,
            formatted_created_at=formatted(reply.created_at),
            is_edited=reply.is_edited,
            edited_at=reply.edited_at,
        )


class ReplyCreated(LoggedMessage):
    """A reply was posted, which also updates the topic's reply count and last activity."""

    action: Literal["reply_created"] = "reply_created"
    payload: ReplyPayload

    @property
    def object_key(self) -> str:
        return reply_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.author.id if self.payload.author else None

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=ReplyPayload.of(reply))


class ReplyUpdated(LoggedMessage):
    """A reply was edited."""

    action: Literal["reply_updated"] = "reply_updated"
    payload: ReplyPayload

    @property
    def object_key(self) -> str:
        return reply_key(self.payload.id)

    @property
    def named_user(self) -> int | None:
        return self.payload.author.id if self.payload.author else None

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=ReplyPayload.of(reply))


class ActivityPayload(BaseModel):
    topic_id: int = Field(description="Id of the topic.")
    reply_count: int = Field(description="How many replies it has.")
    last_activity_at: datetime = Field(description="The time of the last post in it, in UTC (ISO 8601).")

    @classmethod
    def of(cls, topic: DiscussionTopic) -> "ActivityPayload":
        return ActivityPayload(
            topic_id=topic.pk, reply_count=topic.reply_count, last_activity_at=topic.last_activity_at
        )


class DeletedReplyPayload(ActivityPayload):
    id: int = Field(description="Id of the reply.")


class ReplyDeleted(BaseMessage):
    """A reply was deleted. If it was the accepted answer, `answer_unaccepted` was sent before."""

    action: Literal["reply_deleted"] = "reply_deleted"
    payload: DeletedReplyPayload

    @classmethod
    def of(cls, reply: DiscussionReply, topic: DiscussionTopic) -> Self:
        return cls(payload=DeletedReplyPayload(id=reply.pk, **dict(ActivityPayload.of(topic))))


class AnswerPayload(BaseModel):
    topic_id: int = Field(description="Id of the topic.")
    topic_title: str = Field(description="Title of the topic.")
    reply_id: int = Field(description="Id of the reply.")
    reply_author: str = Field(description="The display name; empty when their account is gone.")

    @classmethod
    def of(cls, reply: DiscussionReply) -> "AnswerPayload":
        return AnswerPayload(
            topic_id=reply.topic_id,
            topic_title=reply.topic.title,
            reply_id=reply.pk,
            reply_author=reply.author.display_name if reply.author else "",
        )


class AnswerAccepted(LoggedMessage):
    """The topic's author accepted a reply as the answer."""

    action: Literal["answer_accepted"] = "answer_accepted"
    payload: AnswerPayload
    _reply_author_id: int | None = PrivateAttr(None)

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.topic_id)

    @property
    def named_user(self) -> int | None:
        return self._reply_author_id

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        message = cls(payload=AnswerPayload.of(reply))
        message._reply_author_id = reply.author_id
        return message


class AnswerUnaccepted(LoggedMessage):
    """A reply is no longer the accepted answer. If another one replaces it, `answer_accepted` follows."""

    action: Literal["answer_unaccepted"] = "answer_unaccepted"
    payload: AnswerPayload
    _reply_author_id: int | None = PrivateAttr(None)

    @property
    def object_key(self) -> str:
        return topic_key(self.payload.topic_id)

    @property
    def named_user(self) -> int | None:
        return self._reply_author_id

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        message = cls(payload=AnswerPayload.of(reply))
        message._reply_author_id = reply.author_id
        return message


class VotePayload(BaseModel):
    target_type: Literal["topic", "reply"] = Field(description="The topic or reply.")
    target_id: int = Field(description="Its id.")
    vote_count: int = Field(description="Votes for, less votes against.")


class VoteUpdated(Unnumbered):
    """The number of votes of a topic or a reply has changed. A hint, without a number."""

    action: Literal["vote_updated"] = "vote_updated"
    payload: VotePayload

    @classmethod
    def of(cls, target: DiscussionTopic | DiscussionReply) -> Self:
        target_type: Literal["topic", "reply"] = "topic" if isinstance(target, DiscussionTopic) else "reply"
        return cls(payload=VotePayload(target_type=target_type, target_id=target.pk, vote_count=target.vote_count))


class TopicActivity(Unnumbered):
    """A reply was posted or deleted. A hint for lists, without a number."""

    action: Literal["topic_activity"] = "topic_activity"
    payload: ActivityPayload

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=ActivityPayload.of(topic))


class ShownPayload(BaseModel):
    topic_ids: list[int] = Field(
        max_length=100, description="Ids of the topics that the list shows, a hundred at most."
    )


class ShowTopics(BaseMessage):
    """Sent by a list with the topics that it displays, to receive hints about those only; without it, about all."""

    action: Literal["show_topics"] = "show_topics"
    payload: ShownPayload
