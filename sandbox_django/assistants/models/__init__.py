from assistants.models.conversation import AssistantConversation
from assistants.models.message import AssistantMessage
from assistants.models.spending import TokenSpending

__all__ = ["AssistantConversation", "AssistantMessage", "TokenSpending"]
