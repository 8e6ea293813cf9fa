from typing import Any

from django.conf import settings
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from assistants.models import AssistantMessage
from assistants.models.assistant_message import MessageType, Status
from assistants.services.error_messages import error_message
from core.dates import formatted
from core.text_fields import MessageField


class UsageSerializer(serializers.Serializer[Any]):
    """The tokens of an answer."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class QuestionSerializer(serializers.Serializer[AssistantMessage]):
    """A question as it is asked, and as it is stored."""

    # Cached, because building the fields for each question took a seventh of the request.

    content = MessageField(max_length=settings.ASSISTANT_MAX_QUESTION_LENGTH)

    def to_representation(self, question: AssistantMessage) -> dict[str, Any]:
        return {
            "id": question.pk,
            "content": question.content,
            "message_type": question.message_type,
            "status": question.status,
            "created_at": question.created_at,
            "formatted_created_at": formatted(question.created_at),
        }


@extend_schema_serializer(component_name="Question")
class StoredQuestionSerializer(serializers.ModelSerializer[AssistantMessage]):
    """A question of a user."""

    message_type = serializers.ChoiceField([MessageType.USER.value], read_only=True)
    status = serializers.ChoiceField([Status.COMPLETE.value], read_only=True)
    formatted_created_at = serializers.SerializerMethodField()

    class Meta:
        model = AssistantMessage
        fields = ["id", "content", "message_type", "status", "created_at", "formatted_created_at"]
        read_only_fields = fields

    def get_formatted_created_at(self, message: AssistantMessage) -> str:
        return formatted(message.created_at)


@extend_schema_serializer(component_name="Answer")
class AnswerSerializer(StoredQuestionSerializer):
    """One attempt at answering a question."""

    content = serializers.CharField(read_only=True, help_text="Markdown, as far as it is written.")
    message_type = serializers.ChoiceField([MessageType.ASSISTANT.value], read_only=True)
    status = serializers.ChoiceField(Status.choices, read_only=True)
    question_id = serializers.IntegerField(read_only=True, help_text="The question's id.")
    content_html = serializers.CharField(read_only=True, help_text="Safe to show. Empty while it is being written.")
    error = serializers.CharField(read_only=True, help_text="A stable code when it failed, or is cut short; or empty.")
    error_detail = serializers.SerializerMethodField(help_text="The same as a sentence for users.")
    model = serializers.CharField(read_only=True, help_text="Which model wrote it.")
    usage = serializers.SerializerMethodField(help_text="null if the model doesn't report it.")

    class Meta(StoredQuestionSerializer.Meta):
        fields = [
            *StoredQuestionSerializer.Meta.fields,
            "question_id",
            "content_html",
            "error",
            "error_detail",
            "model",
            "usage",
        ]

    def get_error_detail(self, message: AssistantMessage) -> str:
        return error_message(message.error) if message.error else ""

    @extend_schema_field(UsageSerializer(allow_null=True))
    def get_usage(self, message: AssistantMessage) -> dict[str, int] | None:
        if message.input_tokens is None or message.output_tokens is None:
            return None
        return {"input_tokens": message.input_tokens, "output_tokens": message.output_tokens}


class AssistantMessageSerializer(StoredQuestionSerializer):
    """A question, or an answer, which has more fields."""

    def to_representation(self, message: AssistantMessage) -> dict[str, Any]:
        if message.is_answer:
            return self._answers.to_representation(message)
        return super().to_representation(message)

    @cached_property
    def _answers(self) -> AnswerSerializer:
        return AnswerSerializer()
