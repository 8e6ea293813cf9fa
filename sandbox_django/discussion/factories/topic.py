import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from discussion.models import DiscussionReply, DiscussionTopic


class TopicFactory(DjangoModelFactory[DiscussionTopic]):
    """A topic that nobody has replied to."""

    class Meta:
        model = DiscussionTopic

    author = factory.SubFactory(UserFactory)
    title = factory.Faker("sentence", nb_words=6)
    content = factory.Faker("paragraph")
    content_html = factory.LazyAttribute(lambda topic: f"<p>{topic.content}</p>\n")


class ReplyFactory(DjangoModelFactory[DiscussionReply]):
    """A reply as a row alone: the topic's counters are what they were. `post_reply` counts."""

    class Meta:
        model = DiscussionReply

    topic = factory.SubFactory(TopicFactory)
    author = factory.SubFactory(UserFactory)
    content = factory.Faker("paragraph")
    content_html = factory.LazyAttribute(lambda reply: f"<p>{reply.content}</p>\n")
