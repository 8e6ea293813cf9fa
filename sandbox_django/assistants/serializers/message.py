from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assistants.models import AssistantMessage
from assistants.services.failures import words_for
from core.dates import formatted


class UsageSerializer(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class QuestionSerializer(serializers.Serializer[AssistantMessage]):
    """What is asked, and the question that it became.

    By hand: the twelve fields below, made anew for each question, took a seventh of what asking takes.
    """

    content = serializers.CharField(max_length=settings.ASSISTANT_MAX_QUESTION_LENGTH)

    def to_representation(self, question: AssistantMessage) -> dict[str, Any]:
        return {
            "id": question.pk,
            "content": question.content,
            "message_type": question.message_type,
            "status": question.status,
            "created_at": question.created_at,
            "formatted_created_at": formatted(question.created_at),
        }


class AssistantMessageSerializer(serializers.ModelSerializer[AssistantMessage]):
    """A question, or an answer, which has some fields more."""

    formatted_created_at = serializers.SerializerMethodField()
    question_id = serializers.IntegerField(read_only=True, help_text="Answers only: the question's id.")
    content_html = serializers.CharField(read_only=True, help_text="Answers only, once they have ended.")
    error = serializers.CharField(
        read_only=True, help_text="Answers only: a stable code when it failed, or is cut short."
    )
    error_detail = serializers.SerializerMethodField(help_text="Answers only: the same in words for people.")
    usage = serializers.SerializerMethodField(help_text="Answers only, where the model tells.")

    class Meta:
        model = AssistantMessage
        fields = [
            "id",
            "content",
            "message_type",
            "status",
            "created_at",
            "formatted_created_at",
            "question_id",
            "content_html",
            "error",
            "error_detail",
            "model",
            "usage",
        ]
        read_only_fields = fields

    def get_formatted_created_at(self, message: AssistantMessage) -> str:
        return formatted(message.created_at)

    def get_error_detail(self, message: AssistantMessage) -> str:
        return words_for(message.error) if message.error else ""

    @extend_schema_field(UsageSerializer(allow_null=True))
    def get_usage(self, message: AssistantMessage) -> dict[str, int] | None:
        if message.input_tokens is None or message.output_tokens is None:
            return None
        return {"input_tokens": message.input_tokens, "output_tokens": message.output_tokens}

    def to_representation(self, message: AssistantMessage) -> dict[str, Any]:
        fields: dict[str, Any] = super().to_representation(message)
        if not message.is_answer:
            for name in ("question_id", "content_html", "error", "error_detail", "model", "usage"):
                del fields[name]
        return fields
