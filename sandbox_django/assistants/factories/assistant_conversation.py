import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from assistants.models import AssistantConversation


class AssistantConversationFactory(DjangoModelFactory[AssistantConversation]):
    """Creates a user's conversation, or a visitor's with `user=None`."""

    class Meta:
        model = AssistantConversation

    user = factory.SubFactory(UserFactory)
    title = factory.Faker("sentence", nb_words=4)
