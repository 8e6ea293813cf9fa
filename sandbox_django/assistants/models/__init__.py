from assistants.models.conversation import AssistantConversation
from assistants.models.message import AssistantMessage

__all__ = ["AssistantConversation", "AssistantMessage"]
