from collections.abc import Collection, Sequence
from typing import Self

from chanx.core.decorators import channel

from core.raw_rows import find
from discussion.groups import topic_feed
from discussion.messages.discussion import (
    AnswerAccepted,
    AnswerUnaccepted,
    ReplyCreated,
    ReplyDeleted,
    ReplyUpdated,
    TopicDeleted,
    TopicUpdated,
    VoteUpdated,
)
from discussion.models import DiscussionTopic
from live.authenticator import LiveAuthenticator
from live.consumer import LiveConsumer


class TopicAuthenticator(LiveAuthenticator):
    """Authenticates signed-in users for an existing topic."""

    obj: DiscussionTopic

    def find_object(self, *, pk: int) -> DiscussionTopic | None:
        return find(DiscussionTopic, id=pk)


@channel(name="topic", description="One topic, live", tags=["discussion"])
class TopicConsumer(LiveConsumer):
    """Keeps an open page of a topic up to date. Clients write through the API."""

    authenticator_class = TopicAuthenticator
    authenticator: TopicAuthenticator
    emits = [
        ReplyCreated,
        ReplyUpdated,
        ReplyDeleted,
        TopicUpdated,
        TopicDeleted,
        AnswerAccepted,
        AnswerUnaccepted,
        VoteUpdated,
    ]

    def feed(self) -> str:
        return topic_feed(self.authenticator.obj.pk)

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]:
        topics = {consumer.authenticator.obj.pk for consumer in consumers}
        there = set(DiscussionTopic.objects.filter(pk__in=topics).values_list("pk", flat=True))
        return [consumer for consumer in consumers if consumer.authenticator.obj.pk in there]
