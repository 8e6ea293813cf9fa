from typing import Any

from rest_framework import serializers

from chat.excerpts import excerpt
from chat.models import GroupChat
from core.text_fields import NameField


class LastMessageSerializer(serializers.Serializer[Any]):
    """The last message of a room for a list: an excerpt without formatting."""

    user_id = serializers.IntegerField(allow_null=True)
    sender_name = serializers.CharField(allow_null=True, help_text="null when their account is gone.")
    words = serializers.SerializerMethodField()
    is_deleted = serializers.BooleanField()

    def get_words(self, last: dict[str, Any]) -> str:
        return excerpt(last["beginning"])


class RoomSerializer(serializers.ModelSerializer[GroupChat]):
    """A room as its members see it."""

    title = NameField(max_length=200)
    member_count = serializers.IntegerField(read_only=True)
    unread_count = serializers.IntegerField(read_only=True, help_text="Messages after my last read one.")
    last_read_message_id = serializers.IntegerField(read_only=True, help_text="Mine; 0 for none.")
    last_number = serializers.IntegerField(read_only=True, help_text="Number of the newest message; 0 for none.")
    last_read_number = serializers.IntegerField(
        read_only=True, help_text="The number up to which nothing is unread to me; 0 for none."
    )
    last_message = LastMessageSerializer(read_only=True, allow_null=True)

    class Meta:
        model = GroupChat
        fields = [
            "id",
            "title",
            "description",
            "member_count",
            "unread_count",
            "last_read_message_id",
            "last_number",
            "last_read_number",
            "last_message",
            "updated_at",
        ]
        read_only_fields = ["id", "updated_at"]


class LastReadSerializer(serializers.Serializer[GroupChat]):
    """The user's read position."""

    message_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
