from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.models import ChatMember, ChatMessage
from chat.serializers.member import SenderSerializer
from core.dates import formatted
from core.text_fields import MessageField

MAX_LENGTH = 10_000  # characters


class ChatMessageSerializer(serializers.ModelSerializer[ChatMessage]):
    """A message, with fields that depend on the current user."""

    is_mine = serializers.SerializerMethodField()
    sender = SenderSerializer(read_only=True, allow_null=True, help_text="null when they are not in the room any more.")
    sender_name = serializers.CharField(read_only=True, help_text="Also when they have left.")
    user_id = serializers.IntegerField(source="author_id", read_only=True, allow_null=True)
    content = MessageField(max_length=MAX_LENGTH)
    mentions = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    formatted_time = serializers.SerializerMethodField()

    class Meta:
        model = ChatMessage
        fields = [
            "id",
            "number",
            "is_mine",
            "sender",
            "sender_name",
            "user_id",
            "content",
            "content_html",
            "mentions",
            "created_at",
            "formatted_time",
            "updated_at",
            "is_edited",
            "is_deleted",
        ]
        read_only_fields = ["id", "number", "content_html", "created_at", "updated_at", "is_edited", "is_deleted"]

    def get_is_mine(self, message: ChatMessage) -> bool:
        viewer: ChatMember = self.context["viewer"]
        return message.author_id == viewer.user_id

    @extend_schema_field(serializers.CharField())
    def get_formatted_time(self, message: ChatMessage) -> str:
        return formatted(message.created_at)
