from collections.abc import Sequence

from chanx.core.decorators import channel

from assistants.groups import conversation_feed
from assistants.messages.assistant import (
    AnswerBlocksMessage,
    AssistantErrorMessage,
    CompleteStreamingMessage,
    ConversationUpdated,
    NewAssistantMessage,
    StreamingMessage,
)
from assistants.models import AssistantConversation
from assistants.models.message import Status
from assistants.permissions import ConversationOwner
from assistants.texts import text_so_far, whole_texts
from core.live.authenticator import LiveAuthenticator
from core.live.consumer import LiveConsumer
from core.live.texts import NewestText, Piece


class AssistantAuthenticator(LiveAuthenticator):
    """Lets in the owner, and anyone who holds the id of a conversation without owner."""

    permission_classes = [ConversationOwner]
    queryset = AssistantConversation.objects.all()
    obj: AssistantConversation


@channel(name="assistants", description="One conversation with the assistant, live", tags=["assistant"])
class ConversationAssistantConsumer(LiveConsumer):
    """Keeps one open page of a conversation up to date. Writing goes through the API."""

    authenticator_class = AssistantAuthenticator
    authenticator: AssistantAuthenticator
    emits = [
        NewAssistantMessage,
        StreamingMessage,
        AnswerBlocksMessage,
        CompleteStreamingMessage,
        AssistantErrorMessage,
        ConversationUpdated,
    ]

    def feed(self) -> str:
        return conversation_feed(self.authenticator.obj.pk)

    def newest_text(self) -> NewestText | None:
        answers = self.authenticator.obj.messages.answers().order_by("-pk")
        newest = answers.values_list("pk", "status").first()
        return newest and NewestText(newest[0], is_running=newest[1] == Status.STREAMING)

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[Piece]:
        return whole_texts(text_ids)

    async def running_text(self, text_id: int) -> Piece | None:
        return await text_so_far(text_id)
