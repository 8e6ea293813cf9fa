from assistants.models.assistant_conversation import AssistantConversation
from assistants.models.assistant_message import AssistantMessage
from assistants.models.spending import TokenSpending

__all__ = ["AssistantConversation", "AssistantMessage", "TokenSpending"]
