from typing import Any

from rest_framework import serializers

from discussion.models import Notification
from discussion.serializers.topic import AuthorSerializer, FormattedDateField


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """A notification of the current user."""

    topic_title = serializers.CharField(source="topic.title", read_only=True)
    actor = AuthorSerializer(read_only=True, allow_null=True)
    formatted_created_at = FormattedDateField(source="created_at")

    class Meta:
        model = Notification
        fields = [
            "id",
            "kind",
            "topic_id",
            "topic_title",
            "reply_id",
            "actor",
            "is_read",
            "created_at",
            "formatted_created_at",
        ]
        read_only_fields = fields


class MarkReadSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        max_length=100,
        required=False,
        write_only=True,
        help_text="None means all.",
    )
    unread_count = serializers.IntegerField(read_only=True)


class UnreadSerializer(serializers.Serializer[Any]):
    unread_count = serializers.IntegerField()
