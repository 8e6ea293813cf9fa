import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from discussion.factories.discussion_topic import DiscussionTopicFactory
from discussion.models import DiscussionReply


class DiscussionReplyFactory(DjangoModelFactory[DiscussionReply]):
    """Creates only the reply's row. Unlike `post_reply`, it doesn't update the topic's counters."""

    class Meta:
        model = DiscussionReply

    topic = factory.SubFactory(DiscussionTopicFactory)
    author = factory.SubFactory(UserFactory)
    content = factory.Faker("paragraph")
    content_html = factory.LazyAttribute(lambda reply: f"<p>{reply.content}</p>\n")
