"""The events of a conversation: one class per event, the same for all recipients."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field

from assistants.groups import conversation_key, message_key
from assistants.models import AssistantConversation, AssistantMessage
from core.dates import formatted
from live.frames import dumps
from live.messages import LoggedMessage, Unnumbered


class QuestionPayload(BaseModel):
    id: int = Field(description="Id of the question.")
    content: str = Field(description="The question, as it was typed.")
    message_type: Literal["user"] = Field("user", description="Who says it.")
    status: Literal["complete"] = Field("complete", description="A question is always complete.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    formatted_created_at: str = Field(description="The same for users, in the site's time zone.")


class NewAssistantMessage(LoggedMessage):
    """A question was asked."""

    action: Literal["new_assistant_message"] = "new_assistant_message"
    payload: QuestionPayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.id)

    @classmethod
    def of(cls, question: AssistantMessage) -> Self:
        return cls(
            payload=QuestionPayload(
                id=question.pk,
                content=question.content,
                created_at=question.created_at,
                formatted_created_at=formatted(question.created_at),
            )
        )


class ChunkPayload(BaseModel):
    content: str = Field(description="The new text.")
    is_complete: Literal[False] = Field(False, description="The end has a frame of its own.")
    message_id: int = Field(description="Id of the question.")
    reply_id: int = Field(description="Id of the answer.")
    offset: int = Field(
        description="Unicode characters of the answer before this content, so that a page can detect a gap."
    )


class StreamingMessage(Unnumbered):
    """A chunk of an answer that is being written. A frame may contain several tokens."""

    action: Literal["streaming"] = "streaming"
    payload: ChunkPayload

    @staticmethod
    def frame(content: str, *, message_id: int, reply_id: int, offset: int) -> str:
        """Returns the frame of a chunk. It doesn't create the model, because there are very many chunks."""
        return (
            f'{{"action":"streaming","payload":{{"content":{dumps(content)},"isComplete":false,'
            f'"messageId":{message_id},"replyId":{reply_id},"offset":{offset}}}}}'
        )


class BlocksPayload(BaseModel):
    message_id: int = Field(description="Id of the question.")
    reply_id: int = Field(description="Id of the answer.")
    offset: int = Field(description="Unicode characters of the answer before these blocks.")
    length: int = Field(description="Unicode characters of the answer with these blocks.")
    html: str = Field(description="The blocks as safe HTML.")


class AnswerBlocksMessage(Unnumbered):
    """The completed blocks of a running answer, as HTML. A hint, without a number.

    If a client misses it, it shows plain text a little longer: the end contains the whole answer as HTML.
    """

    action: Literal["answer_blocks"] = "answer_blocks"
    payload: BlocksPayload


class UsagePayload(BaseModel):
    input_tokens: int = Field(description="Tokens that the model read.")
    output_tokens: int = Field(description="Tokens that it wrote.")


class EndPayload(BaseModel):
    content: Literal[""] = Field("", description="Always empty: the text was sent before.")
    is_complete: Literal[True] = Field(True, description="The answer has ended.")
    message_id: int = Field(description="Id of the question.")
    reply_id: int = Field(description="Id of the answer.")
    status: Literal["complete", "stopped"] = Field(description="Whether it is complete or was stopped.")
    length: int = Field(description="Length of the answer, in Unicode characters.")
    content_html: str = Field(description="The whole answer as safe HTML.")
    error: str = Field(description="A stable code when the model would not go on to the end (`cut_short`), else empty.")
    error_detail: str = Field(description="The same as a sentence for users.")
    model: str = Field(description="The model that answered.")
    usage: UsagePayload | None = Field(description="null if the model doesn't report it.")


class CompleteStreamingMessage(LoggedMessage):
    """The answer is complete, or a user stopped it. It is stored."""

    action: Literal["complete_streaming"] = "complete_streaming"
    payload: EndPayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.reply_id)


class FailurePayload(BaseModel):
    content: str = Field(description="For users: the problem, and what they can do.")
    message_id: int = Field(description="Id of the question.")
    reply_id: int = Field(description="Id of the answer.")
    code: str = Field(description="The problem, for programs; stable.")
    length: int = Field(description="Length of the text so far, in Unicode characters.")
    content_html: str = Field(description="The text that was written until then, as safe HTML.")


class AssistantErrorMessage(LoggedMessage):
    """The answer failed. Its text so far is stored, and Retry begins a new one."""

    action: Literal["assistant_error"] = "assistant_error"
    payload: FailurePayload

    @property
    def object_key(self) -> str:
        return message_key(self.payload.reply_id)


class ConversationPayload(BaseModel):
    id: UUID = Field(description="Id of the conversation.")
    title: str = Field(description="Its title; empty until it has one.")
    model: str = Field(description="The model that was chosen; empty for the site's own choice.")
    created_at: datetime = Field(description="When it was stored, in UTC (ISO 8601).")
    updated_at: datetime = Field(description="When it last changed, in UTC (ISO 8601).")


class ConversationUpdated(LoggedMessage):
    """The conversation has a new title, or another model."""

    action: Literal["conversation_updated"] = "conversation_updated"
    payload: ConversationPayload

    @property
    def object_key(self) -> str:
        return conversation_key(self.payload.id)

    @classmethod
    def of(cls, conversation: AssistantConversation) -> Self:
        return cls(
            payload=ConversationPayload(
                id=conversation.pk,
                title=conversation.title,
                model=conversation.model,
                created_at=conversation.created_at,
                updated_at=conversation.updated_at,
            )
        )


class ClaimedPayload(BaseModel):
    id: UUID = Field(description="Id of the conversation.")
    user_id: int = Field(description="Id of the user whose conversation it is now.")


class ConversationClaimed(BaseMessage):
    """A visitor signed in and owns the conversation. Sockets of other users are closed instead of receiving this."""

    action: Literal["conversation_claimed"] = "conversation_claimed"
    payload: ClaimedPayload

    @classmethod
    def of(cls, conversation_id: UUID, *, user_id: int) -> Self:
        return cls(payload=ClaimedPayload(id=conversation_id, user_id=user_id))
