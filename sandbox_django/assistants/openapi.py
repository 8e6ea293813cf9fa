"""The OpenAPI descriptions of the assistant."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from assistants.models.assistant_message import MessageType
from assistants.serializers.message import AnswerSerializer, StoredQuestionSerializer
from core.openapi import describe


class MessageExtension(OpenApiSerializerExtension):
    """Documents that a message is either a question or an answer, which have different fields."""

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


describe(
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
