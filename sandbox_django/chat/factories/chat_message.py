import factory
from django.db.models import F
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from chat.factories.group_chat import GroupChatFactory
from chat.models import ChatMessage, GroupChat


class ChatMessageFactory(DjangoModelFactory[ChatMessage]):
    class Meta:
        model = ChatMessage

    group_chat = factory.SubFactory(GroupChatFactory)
    author = factory.SubFactory(UserFactory)
    content = factory.Faker("sentence")
    content_html = factory.LazyAttribute(lambda message: f"<p>{message.content}</p>\n")
    number = factory.LazyAttribute(lambda message: next_number(message.group_chat))


def next_number(room: GroupChat) -> int:
    GroupChat.objects.filter(pk=room.pk).update(last_number=F("last_number") + 1)
    room.refresh_from_db(fields=["last_number"])
    return room.last_number
