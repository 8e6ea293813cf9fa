import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from chat.factories.group_chat import GroupChatFactory
from chat.models import ChatMember
from chat.models.room import ChatRole


class ChatMemberFactory(DjangoModelFactory[ChatMember]):
    class Meta:
        model = ChatMember

    group_chat = factory.SubFactory(GroupChatFactory)
    user = factory.SubFactory(UserFactory)
    chat_role = ChatRole.MEMBER
