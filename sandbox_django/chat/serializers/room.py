from rest_framework import serializers

from chat.models import GroupChat


class RoomSerializer(serializers.ModelSerializer[GroupChat]):
    """A room, to somebody in it."""

    member_count = serializers.IntegerField(read_only=True)
    unread_count = serializers.IntegerField(read_only=True, help_text="Messages of others since my last read one.")
    last_read_message_id = serializers.IntegerField(read_only=True, help_text="Mine; 0 for none.")

    class Meta:
        model = GroupChat
        fields = [
            "id",
            "title",
            "description",
            "member_count",
            "unread_count",
            "last_read_message_id",
            "updated_at",
        ]
        read_only_fields = ["id", "updated_at"]


class ReadSerializer(serializers.Serializer[GroupChat]):
    """How far I have read."""

    message_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
