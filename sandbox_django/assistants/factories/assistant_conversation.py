import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from assistants.models import AssistantConversation


class AssistantConversationFactory(DjangoModelFactory[AssistantConversation]):
    """A conversation of a user; `user=None` makes a visitor's."""

    class Meta:
        model = AssistantConversation

    user = factory.SubFactory(UserFactory)
    title = factory.Faker("sentence", nb_words=4)
