from chat.factories.chat_member import ChatMemberFactory
from chat.factories.chat_message import ChatMessageFactory
from chat.factories.group_chat import GroupChatFactory

__all__ = ["ChatMemberFactory", "ChatMessageFactory", "GroupChatFactory"]
