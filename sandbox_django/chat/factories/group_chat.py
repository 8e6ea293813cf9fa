import factory
from factory.django import DjangoModelFactory

from chat.models import GroupChat


class GroupChatFactory(DjangoModelFactory[GroupChat]):
    """A room without members."""

    class Meta:
        model = GroupChat

    title = factory.Faker("sentence", nb_words=3)
