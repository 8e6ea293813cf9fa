"""What the list and the topics tell their pages: one class per fact, the same for whoever listens.

People are called by their display names here; what depends on who looks is for REST.
"""

from datetime import datetime
from typing import Literal, Self

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field

from accounts.models import User
from core.dates import formatted
from discussion.models import DiscussionReply, DiscussionTopic


class AuthorPayload(BaseModel):
    id: int
    display_name: str

    @classmethod
    def of(cls, user: User | None) -> "AuthorPayload | None":
        return AuthorPayload(id=user.pk, display_name=user.display_name) if user else None


class TopicPayload(BaseModel):
    id: int
    title: str
    content: str
    content_html: str
    mentions: list[int]  # ids of people
    author: AuthorPayload | None  # None when their account is gone
    tags: list[str]
    vote_count: int
    reply_count: int
    view_count: int
    has_accepted_answer: bool
    is_closed: bool
    is_pinned: bool
    created_at: datetime
    formatted_created_at: str
    last_activity_at: datetime
    is_edited: bool
    edited_at: datetime | None

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


class TopicCreated(BaseMessage):
    """Somebody asked something."""

    action: Literal["topic_created"] = "topic_created"
    payload: TopicPayload

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=TopicPayload.of(topic))


class TopicUpdated(BaseMessage):
    """It was put in other words, closed, opened again, pinned or unpinned."""

    action: Literal["topic_updated"] = "topic_updated"
    payload: TopicPayload

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=TopicPayload.of(topic))


class DeletedTopicPayload(BaseModel):
    id: int
    title: str


class TopicDeleted(BaseMessage):
    """The topic is gone, with its replies. Sockets of the topic itself are closed then (4404)."""

    action: Literal["topic_deleted"] = "topic_deleted"
    payload: DeletedTopicPayload

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=DeletedTopicPayload(id=topic.pk, title=topic.title))


class ReplyPayload(BaseModel):
    id: int
    topic_id: int
    content: str
    content_html: str
    mentions: list[int]
    author: AuthorPayload | None
    vote_count: int
    is_accepted: bool
    created_at: datetime
    formatted_created_at: str
    is_edited: bool
    edited_at: datetime | None

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


class ReplyCreated(BaseMessage):
    """Somebody answered: the topic has one reply more, and was last active then."""

    action: Literal["reply_created"] = "reply_created"
    payload: ReplyPayload

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=ReplyPayload.of(reply))


class ReplyUpdated(BaseMessage):
    """An answer was put in other words."""

    action: Literal["reply_updated"] = "reply_updated"
    payload: ReplyPayload

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=ReplyPayload.of(reply))


class ActivityPayload(BaseModel):
    topic_id: int
    reply_count: int
    last_activity_at: datetime

    @classmethod
    def of(cls, topic: DiscussionTopic) -> "ActivityPayload":
        return ActivityPayload(
            topic_id=topic.pk, reply_count=topic.reply_count, last_activity_at=topic.last_activity_at
        )


class DeletedReplyPayload(ActivityPayload):
    id: int


class ReplyDeleted(BaseMessage):
    """An answer is gone. If it was the accepted one, that was said before."""

    action: Literal["reply_deleted"] = "reply_deleted"
    payload: DeletedReplyPayload

    @classmethod
    def of(cls, reply: DiscussionReply, topic: DiscussionTopic) -> Self:
        return cls(payload=DeletedReplyPayload(id=reply.pk, **dict(ActivityPayload.of(topic))))


class AnswerPayload(BaseModel):
    topic_id: int
    topic_title: str
    reply_id: int
    reply_author: str  # the display name; empty when their account is gone

    @classmethod
    def of(cls, reply: DiscussionReply) -> "AnswerPayload":
        return AnswerPayload(
            topic_id=reply.topic_id,
            topic_title=reply.topic.title,
            reply_id=reply.pk,
            reply_author=reply.author.display_name if reply.author else "",
        )


class AnswerAccepted(BaseMessage):
    """Who asked takes this reply for the answer."""

    action: Literal["answer_accepted"] = "answer_accepted"
    payload: AnswerPayload

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=AnswerPayload.of(reply))


class AnswerUnaccepted(BaseMessage):
    """It is not the answer any more. Where another one takes its place, that is said right after."""

    action: Literal["answer_unaccepted"] = "answer_unaccepted"
    payload: AnswerPayload

    @classmethod
    def of(cls, reply: DiscussionReply) -> Self:
        return cls(payload=AnswerPayload.of(reply))


class VotePayload(BaseModel):
    target_type: Literal["topic", "reply"]
    target_id: int
    vote_count: int


class VoteUpdated(BaseMessage):
    """A topic or a reply has another number of votes. A hint, without a number."""

    action: Literal["vote_updated"] = "vote_updated"
    payload: VotePayload

    @classmethod
    def of(cls, target: DiscussionTopic | DiscussionReply) -> Self:
        target_type: Literal["topic", "reply"] = "topic" if isinstance(target, DiscussionTopic) else "reply"
        return cls(payload=VotePayload(target_type=target_type, target_id=target.pk, vote_count=target.vote_count))


class TopicActivity(BaseMessage):
    """Somebody replied to a topic, or took it back. A hint, without a number, for lists."""

    action: Literal["topic_activity"] = "topic_activity"
    payload: ActivityPayload

    @classmethod
    def of(cls, topic: DiscussionTopic) -> Self:
        return cls(payload=ActivityPayload.of(topic))


class ShownPayload(BaseModel):
    topic_ids: list[int] = Field(max_length=100)


class ShowTopics(BaseMessage):
    """A list says which topics it shows, and hears hints about those only. Until then it hears all."""

    action: Literal["show_topics"] = "show_topics"
    payload: ShownPayload
