import factory
from factory.django import DjangoModelFactory

from assistants.factories.assistant_conversation import AssistantConversationFactory
from assistants.models import AssistantMessage
from assistants.models.assistant_message import MessageType, Status


class QuestionFactory(DjangoModelFactory[AssistantMessage]):
    class Meta:
        model = AssistantMessage

    conversation = factory.SubFactory(AssistantConversationFactory)
    message_type = MessageType.USER
    content = factory.Faker("sentence")


class AnswerFactory(DjangoModelFactory[AssistantMessage]):
    """Creates an answer, which has ended unless `status` is given."""

    class Meta:
        model = AssistantMessage

    question = factory.SubFactory(QuestionFactory)
    conversation = factory.SelfAttribute("question.conversation")
    message_type = MessageType.ASSISTANT
    status = Status.COMPLETE
    content = factory.Faker("paragraph")
