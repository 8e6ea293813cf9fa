import factory
from django.db.models import F
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.models.room import ChatRole


class RoomFactory(DjangoModelFactory[GroupChat]):
    """A room that nobody is in yet."""

    class Meta:
        model = GroupChat

    title = factory.Faker("sentence", nb_words=3)


class MemberFactory(DjangoModelFactory[ChatMember]):
    class Meta:
        model = ChatMember

    group_chat = factory.SubFactory(RoomFactory)
    user = factory.SubFactory(UserFactory)
    chat_role = ChatRole.MEMBER


class MessageFactory(DjangoModelFactory[ChatMessage]):
    class Meta:
        model = ChatMessage

    group_chat = factory.SubFactory(RoomFactory)
    author = factory.SubFactory(UserFactory)
    content = factory.Faker("sentence")
    content_html = factory.LazyAttribute(lambda message: f"<p>{message.content}</p>\n")
    number = factory.LazyAttribute(lambda message: next_number(message.group_chat))


def next_number(room: GroupChat) -> int:
    GroupChat.objects.filter(pk=room.pk).update(last_number=F("last_number") + 1)
    room.refresh_from_db(fields=["last_number"])
    return room.last_number
