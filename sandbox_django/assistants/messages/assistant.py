"""What a conversation tells its pages: one class per fact, the same for whoever listens."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from chanx.messages.base import BaseMessage
from pydantic import BaseModel

from assistants.models import AssistantConversation, AssistantMessage
from core.dates import formatted
from core.live.frames import dumps


class QuestionPayload(BaseModel):
    id: int
    content: str
    message_type: Literal["user"] = "user"
    status: Literal["complete"] = "complete"
    created_at: datetime
    formatted_created_at: str


class NewAssistantMessage(BaseMessage):
    """A question was asked."""

    action: Literal["new_assistant_message"] = "new_assistant_message"
    payload: QuestionPayload

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
    content: str
    is_complete: Literal[False] = False
    message_id: int  # the question
    reply_id: int  # the answer
    offset: int  # Unicode characters of the answer before this content, so that a page can tell what it missed


class StreamingMessage(BaseMessage):
    """Some more of an answer that is being written; one frame may carry several tokens."""

    action: Literal["streaming"] = "streaming"
    payload: ChunkPayload

    @staticmethod
    def frame(content: str, *, message_id: int, reply_id: int, offset: int) -> str:
        """The frame as text, without the detour through the model: it is made for every token."""
        return (
            f'{{"action":"streaming","payload":{{"content":{dumps(content)},"isComplete":false,'
            f'"messageId":{message_id},"replyId":{reply_id},"offset":{offset}}}}}'
        )


class BlocksPayload(BaseModel):
    message_id: int  # the question
    reply_id: int  # the answer
    offset: int  # Unicode characters of the answer before these blocks,
    length: int  # and with them
    html: str


class AnswerBlocksMessage(BaseMessage):
    """How some of an answer that is being written looks: blocks of Markdown that are finished. A hint, without number.

    Who misses it shows their text a bit longer: the end brings the whole answer as HTML.
    """

    action: Literal["answer_blocks"] = "answer_blocks"
    payload: BlocksPayload


class UsagePayload(BaseModel):
    input_tokens: int
    output_tokens: int


class EndPayload(BaseModel):
    content: Literal[""] = ""
    is_complete: Literal[True] = True
    message_id: int
    reply_id: int
    status: Literal["complete", "stopped"]
    length: int  # of the answer, in Unicode characters
    content_html: str
    error: str  # a stable code when the model would not go on to the end ("cut_short"), else empty
    error_detail: str  # the same in words for people
    model: str
    usage: UsagePayload | None  # where the model tells


class CompleteStreamingMessage(BaseMessage):
    """The answer is stored and over, to its end or because a reader stopped it."""

    action: Literal["complete_streaming"] = "complete_streaming"
    payload: EndPayload


class FailurePayload(BaseModel):
    content: str  # for people: what went wrong and what they can do
    message_id: int
    reply_id: int
    code: str
    length: int  # of what was said until then, in Unicode characters


class AssistantErrorMessage(BaseMessage):
    """The answer failed. What was said so far is stored, and Retry begins a new one."""

    action: Literal["assistant_error"] = "assistant_error"
    payload: FailurePayload


class ConversationPayload(BaseModel):
    id: UUID
    title: str
    model: str  # empty for the site's own choice
    created_at: datetime
    updated_at: datetime


class ConversationUpdated(BaseMessage):
    """The conversation has a new title, or another model."""

    action: Literal["conversation_updated"] = "conversation_updated"
    payload: ConversationPayload

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
