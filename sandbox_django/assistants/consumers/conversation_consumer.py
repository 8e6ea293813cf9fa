from collections.abc import Sequence
from uuid import UUID

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
from assistants.permissions import ConversationOwner
from assistants.texts import newest_answer, text_so_far, whole_texts
from core.live.authenticator import LiveAuthenticator
from core.live.consumer import LiveConsumer
from core.live.texts import NewestText, Piece
from core.rows import find


class AssistantAuthenticator(LiveAuthenticator):
    """Lets in the owner, and anyone who holds the id of a conversation without owner."""

    permission_classes = [ConversationOwner]
    obj: AssistantConversation

    def find_object(self, *, pk: UUID) -> AssistantConversation | None:
        return find(AssistantConversation, id=pk)


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
        return newest_answer(self.authenticator.obj)

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[Piece]:
        return whole_texts(text_ids)

    async def running_text(self, text_id: int) -> Piece | None:
        return await text_so_far(text_id)
