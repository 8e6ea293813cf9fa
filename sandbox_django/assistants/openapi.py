"""The OpenAPI descriptions of the assistant."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from assistants.models.assistant_message import MessageType
from assistants.serializers.message import AnswerSerializer, StoredQuestionSerializer
from assistants.services.conversations import AnswerInProgress, NothingToRetry
from core.openapi import Operation, describe


class MessageExtension(OpenApiSerializerExtension):
    """Documents that a list of messages contains questions and answers, which have different fields."""

    target_class = "assistants.serializers.message.AssistantMessageSerializer"

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        return "AssistantMessage"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        question, answer = (
            auto_schema.resolve_serializer(kind, direction).ref for kind in (StoredQuestionSerializer, AnswerSerializer)
        )
        kinds = {MessageType.USER.value: question["$ref"], MessageType.ASSISTANT.value: answer["$ref"]}
        return {
            "description": "A question, or an answer.",
            "oneOf": [question, answer],
            "discriminator": {"propertyName": "messageType", "mapping": kinds},
        }


ASKING = (
    "The question is stored and returned at once, and the answer is written in the background. Receive it "
    "through the socket `/ws/assistants/{conversationId}/`, or read the messages again until the answer, whose "
    "`questionId` is this question's `id`, has a `status` other than `streaming`."
)
AGAIN_ID = (
    "`messageId` is the question's or that of one of its answers. Earlier answers stay; the new one is given back."
)
STOPPING = "`messageId` is the answer's or its question's. The text so far stays. It can be repeated."
MY_LIMIT = (
    f"{settings.ASSISTANT_QUESTIONS_PER_MINUTE} questions in a minute, {settings.ASSISTANT_ANSWERS_AT_ONCE} answers at "
    f"once and {settings.ASSISTANT_TOKENS_PER_DAY:,} tokens in a day"
)
VISITORS_LIMIT = (
    f"{settings.ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE} questions in a minute, "
    f"{settings.ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE} answers at once and "
    f"{settings.ASSISTANT_ANONYMOUS_TOKENS_PER_DAY:,} tokens in a day from one address, for whoever is not signed in"
)
READING = (
    "Oldest first. `before` and `after` page by a message's id, which stays right while messages arrive. Use only one "
    "of them, and no `offset` beside it."
)


def messages(path: str, whose: str, tag: str, limit: str) -> dict[str, Operation]:
    """Describes the operations that exist both for users' conversations and for those without an owner."""
    return {
        f"GET {path}": Operation(
            id=f"list{whose}Messages", tag=tag, summary="Read a conversation", description=READING
        ),
        f"POST {path}": Operation(
            id=f"ask{whose}Question",
            tag=tag,
            summary="Ask the assistant",
            description=ASKING,
            refusals=(AnswerInProgress,),
            limit=limit,
        ),
        f"GET {path}{{messageId}}/": Operation(
            id=f"get{whose}Message", tag=tag, summary="Read a question or an answer"
        ),
        f"POST {path}{{messageId}}/stop/": Operation(
            id=f"stop{whose}Answer", tag=tag, summary="Stop an answer", description=STOPPING
        ),
        f"POST {path}{{messageId}}/retry/": Operation(
            id=f"retry{whose}Answer",
            tag=tag,
            summary="Try again after an answer failed",
            description=AGAIN_ID,
            refusals=(AnswerInProgress, NothingToRetry),
            limit=limit,
        ),
        f"POST {path}{{messageId}}/regenerate/": Operation(
            id=f"regenerate{whose}Answer",
            tag=tag,
            summary="Have another answer written",
            description=AGAIN_ID,
            refusals=(AnswerInProgress, NothingToRetry),
            limit=limit,
        ),
    }


CONVERSATION = "3f0a1c7e-9b52-4a86-8d0e-5c1f7b2a9e34"
CREATED = "2026-11-20T09:30:00Z"
QUESTION = {
    "id": 41,
    "content": "Is a tomato a fruit?",
    "messageType": "user",
    "status": "complete",
    "createdAt": CREATED,
    "formattedCreatedAt": "20 Nov 2026, 09:30",
}
ANSWER = {
    **QUESTION,
    "id": 42,
    "content": "**Yes**, to a botanist.",
    "messageType": "assistant",
    "questionId": 41,
    "contentHtml": "<p><strong>Yes</strong>, to a botanist.</p>",
    "error": "",
    "errorDetail": "",
    "model": settings.OPENAI_MODEL,
    "usage": {"inputTokens": 34, "outputTokens": 9},
}

CONVERSATIONS = "300 in an hour"
CHANGES = "600 changes and deletions in an hour"

describe(
    {
        "GET /api/assistants/models/": Operation(
            id="listModels",
            tag="Assistant",
            summary="The models to choose from",
            description="The first one is the default.",
        ),
        "GET /api/assistants/conversations/": Operation(
            id="listConversations",
            tag="Assistant",
            summary="My conversations",
            description="The last active one first.",
        ),
        "POST /api/assistants/conversations/": Operation(
            id="createConversation",
            tag="Assistant",
            summary="Begin a conversation",
            description="Without a title it gets one after the first answer.",
            limit=CONVERSATIONS,
        ),
        "GET /api/assistants/conversations/{conversationId}/": Operation(
            id="getConversation", tag="Assistant", summary="One of my conversations"
        ),
        "PUT /api/assistants/conversations/{conversationId}/": Operation(
            id="replaceConversation",
            tag="Assistant",
            summary="Rename a conversation, or choose its model",
            description="Omitted fields are not changed.",
            limit=CHANGES,
        ),
        "PATCH /api/assistants/conversations/{conversationId}/": Operation(
            id="updateConversation",
            tag="Assistant",
            summary="Rename a conversation, or choose its model",
            limit=CHANGES,
        ),
        "DELETE /api/assistants/conversations/{conversationId}/": Operation(
            id="deleteConversation",
            tag="Assistant",
            summary="Delete a conversation with its messages",
            limit=CHANGES,
        ),
        **messages("/api/assistants/conversations/{conversationId}/messages/", "", "Assistant", MY_LIMIT),
        "POST /api/assistants/anonymous/": Operation(
            id="createAnonymousConversation",
            tag="Anonymous assistant",
            summary="Begin a conversation without an account",
            description="Everyone with its `id` may read and write in it. The browser that creates it remembers "
            "it, and a user who signs in there becomes its owner.",
            limit=f"{settings.ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR} in an hour from one address",
        ),
        **messages(
            "/api/assistants/anonymous/{conversationId}/messages/", "Anonymous", "Anonymous assistant", VISITORS_LIMIT
        ),
    },
    {
        "Conversation": {
            "id": CONVERSATION,
            "title": "Fruit or vegetable",
            "model": settings.OPENAI_MODEL,
            "createdAt": CREATED,
            "updatedAt": "2026-11-20T09:30:04Z",
        },
        "ConversationRequest": {"title": "Fruit or vegetable", "model": settings.OPENAI_MODEL},
        "PatchedConversationRequest": {"title": "Fruit or vegetable"},
        "AnonymousConversation": {"id": CONVERSATION, "title": "", "isAnonymous": True, "createdAt": CREATED},
        "AnonymousConversationRequest": {"model": settings.OPENAI_MODEL},
        "QuestionRequest": {"content": "Is a tomato a fruit?"},
        "Question": QUESTION,
        "Answer": ANSWER,
        "AssistantMessage": QUESTION,
    },
    {
        "AnonymousConversation": {
            "id": "The conversation's id, and the key to it: anyone who has it can read and write here.",
            "title": "Empty until the first answer begins.",
            "isAnonymous": "Always true: it has no owner.",
        },
        "Conversation": {
            "title": "Empty until it is set or generated from the first question.",
            "updatedAt": "When the last question was asked.",
        },
        "Question": {
            "content": "The user's question.",
            "messageType": "Always `user`.",
            "status": "Always `complete`.",
        },
        "Answer": {
            "messageType": "Always `assistant`.",
            "status": "`streaming` while it is being written, then how it ended.",
            "createdAt": "When it was started.",
        },
        "Usage": {
            "inputTokens": "Tokens that were sent to the model, as it reports them.",
            "outputTokens": "Tokens of the answer, as the model reports them.",
        },
    },
)
