from assistants.factories.assistant_conversation import AssistantConversationFactory
from assistants.factories.assistant_message import AnswerFactory, QuestionFactory

__all__ = ["AnswerFactory", "AssistantConversationFactory", "QuestionFactory"]
