import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Self
from uuid import UUID

from chanx.core.decorators import channel

from assistants.answer_streams import latest_answer_stream, running_answer_text, stored_answer_texts
from assistants.groups import conversation_feed
from assistants.messages.assistant import (
    AnswerBlocksMessage,
    AssistantErrorMessage,
    CompleteStreamingMessage,
    ConversationClaimed,
    ConversationUpdated,
    NewAssistantMessage,
    StreamingMessage,
)
from assistants.models import AssistantConversation
from assistants.permissions import ConversationOwner
from core.raw_rows import find
from live.authenticator import LiveAuthenticator
from live.consumer import CLOSE_SIGNED_OUT, LiveConsumer
from live.feeds import Event
from live.text_chunk import LatestStream, TextChunk

CLOSE_NOT_FOUND = 4404
CLAIMED = '{"action":"conversation_claimed"'  # how the frame of a ConversationClaimed begins


class AssistantAuthenticator(LiveAuthenticator):
    """Accepts the conversation's owner. A conversation without owner is open to everyone who has its id."""

    permission_classes = [ConversationOwner]
    obj: AssistantConversation

    def find_object(self, *, pk: UUID) -> AssistantConversation | None:
        return find(AssistantConversation, id=pk)


@channel(name="assistants", description="One conversation with the assistant, live", tags=["assistant"])
class ConversationAssistantConsumer(LiveConsumer):
    """Keeps an open page of a conversation up to date. Writes go through the API."""

    authenticator_class = AssistantAuthenticator
    authenticator: AssistantAuthenticator
    emits = [
        NewAssistantMessage,
        StreamingMessage,
        AnswerBlocksMessage,
        CompleteStreamingMessage,
        AssistantErrorMessage,
        ConversationUpdated,
        ConversationClaimed,
    ]

    _claim_close_task: asyncio.Task[None] | None = None

    def feed(self) -> str:
        return conversation_feed(self.authenticator.obj.pk)

    def latest_stream(self) -> LatestStream | None:
        return latest_answer_stream(self.authenticator.obj)

    def stored_texts(self, text_ids: Sequence[int]) -> Sequence[TextChunk]:
        return stored_answer_texts(text_ids)

    @property
    def user_id(self) -> int | None:
        """The id of the user; None for a visitor."""
        return self.authenticator.user.pk if self.authenticator.user else None

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Collection[Self]:
        conversations = {consumer.authenticator.obj.pk for consumer in consumers}
        owners = dict(AssistantConversation.objects.filter(pk__in=conversations).values_list("pk", "user_id"))
        return [
            consumer
            for consumer in consumers
            if consumer.authenticator.obj.pk in owners
            and owners[consumer.authenticator.obj.pk] in (None, consumer.user_id)
        ]

    def on_event(self, event: Event, *, from_log: bool = False) -> bool:
        if event.seq == self.seq + 1 and self._is_claimed_by_another(event):
            # Detached immediately, because closing the socket may have to wait for a slow client.
            self._detach()
            code = CLOSE_SIGNED_OUT if self.user_id is None else CLOSE_NOT_FOUND
            self._claim_close_task = asyncio.create_task(self.close(code))
            return True
        return super().on_event(event, from_log=from_log)

    def _is_claimed_by_another(self, event: Event) -> bool:
        # The prefix is checked first, because every socket checks every event, and nearly all are of other types.
        if not event.frame.startswith(CLAIMED):
            return False
        return bool(json.loads(event.frame)["payload"]["userId"] != self.user_id)

    async def running_text(self, text_id: int) -> TextChunk | None:
        return await running_answer_text(text_id)
