from rest_framework import serializers

from assistants.models import AssistantConversation


class ConversationSerializer(serializers.ModelSerializer[AssistantConversation]):
    class Meta:
        model = AssistantConversation
        fields = ["id", "title", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class AnonymousConversationSerializer(serializers.ModelSerializer[AssistantConversation]):
    is_anonymous = serializers.BooleanField(read_only=True)

    class Meta:
        model = AssistantConversation
        fields = ["id", "title", "is_anonymous", "created_at"]
        read_only_fields = fields
