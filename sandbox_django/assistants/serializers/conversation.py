from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assistants.models import AssistantConversation
from core.text_fields import NameField


@extend_schema_field(serializers.CharField(help_text="One of `listModels`; empty for the first of them."))
class ChosenModel(serializers.ChoiceField):
    """One of the models that the site offers; empty for the default."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=settings.ASSISTANT_MODELS, allow_blank=True, required=False, **kwargs)


class ConversationSerializer(serializers.ModelSerializer[AssistantConversation]):
    title = NameField(max_length=200, allow_blank=True, required=False)
    model = ChosenModel()

    class Meta:
        model = AssistantConversation
        fields = ["id", "title", "model", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class AnonymousConversationSerializer(serializers.ModelSerializer[AssistantConversation]):
    is_anonymous = serializers.BooleanField(read_only=True)
    model = ChosenModel(write_only=True)

    class Meta:
        model = AssistantConversation
        fields = ["id", "title", "model", "is_anonymous", "created_at"]
        read_only_fields = ["id", "title", "created_at"]
