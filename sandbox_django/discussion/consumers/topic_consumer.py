from chanx.core.decorators import channel

from core.live.authenticator import LiveAuthenticator
from core.live.consumer import LiveConsumer
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


class TopicAuthenticator(LiveAuthenticator):
    """Lets in who is signed in, to a topic that is there."""

    queryset = DiscussionTopic.objects.only("pk")
    obj: DiscussionTopic


@channel(name="topic", description="One topic, live", tags=["discussion"])
class TopicConsumer(LiveConsumer):
    """Keeps one open page of a topic up to date. Writing goes through the API."""

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
