import factory
from factory.django import DjangoModelFactory

from accounts.factories.user import UserFactory
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.message import MessageType, Status


class ConversationFactory(DjangoModelFactory[AssistantConversation]):
    """Somebody's conversation; `user=None` makes one without owner."""

    class Meta:
        model = AssistantConversation

    user = factory.SubFactory(UserFactory)
    title = factory.Faker("sentence", nb_words=4)


class QuestionFactory(DjangoModelFactory[AssistantMessage]):
    class Meta:
        model = AssistantMessage

    conversation = factory.SubFactory(ConversationFactory)
    message_type = MessageType.USER
    content = factory.Faker("sentence")


class AnswerFactory(DjangoModelFactory[AssistantMessage]):
    """An answer that has ended, unless `status` says otherwise."""

    class Meta:
        model = AssistantMessage

    question = factory.SubFactory(QuestionFactory)
    conversation = factory.SelfAttribute("question.conversation")
    message_type = MessageType.ASSISTANT
    status = Status.COMPLETE
    content = factory.Faker("paragraph")
