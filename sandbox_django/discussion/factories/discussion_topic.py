import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from discussion.models import DiscussionTopic


class DiscussionTopicFactory(DjangoModelFactory[DiscussionTopic]):
    """A topic without replies."""

    class Meta:
        model = DiscussionTopic

    author = factory.SubFactory(UserFactory)
    title = factory.Faker("sentence", nb_words=6)
    content = factory.Faker("paragraph")
    content_html = factory.LazyAttribute(lambda topic: f"<p>{topic.content}</p>\n")
