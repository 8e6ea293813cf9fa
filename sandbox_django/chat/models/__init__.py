from chat.models.room import ChatMember, ChatMessage, GroupChat

__all__ = ["ChatMember", "ChatMessage", "GroupChat"]
