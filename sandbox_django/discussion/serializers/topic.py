import re
import unicodedata
from typing import Any

from django.db.models import IntegerChoices
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from core.dates import formatted
from core.text_fields import MessageField, NameField
from core.validators import is_tag
from discussion.models import DiscussionReply, DiscussionTopic, ReplyEdit, Tag, TopicEdit
from discussion.permissions import may_change

MAX_LENGTH = 20_000  # characters of a text
MAX_TAGS = 5
MAX_TAG_LENGTH = 30


class AuthorSerializer(serializers.ModelSerializer[User]):
    """An author as other users see them, without their e-mail."""

    class Meta:
        model = User
        fields = ["id", "display_name"]
        read_only_fields = fields


@extend_schema_field(serializers.CharField())
class FormattedDateField(serializers.ReadOnlyField):
    def to_representation(self, value: Any) -> str:
        return formatted(value)


class TextSerializer(serializers.ModelSerializer[Any]):
    """The fields that topics and replies have in common."""

    content = MessageField(max_length=MAX_LENGTH)
    mentions = serializers.ListField(child=serializers.IntegerField(), read_only=True, help_text="Ids of people.")
    author = AuthorSerializer(read_only=True, allow_null=True, help_text="null when their account is gone.")
    formatted_created_at = FormattedDateField(source="created_at")
    is_edited = serializers.BooleanField(read_only=True)
    my_vote = serializers.IntegerField(read_only=True, help_text="1, -1, or 0 for none.")
    can_edit = serializers.SerializerMethodField(help_text="Authors and staff change and delete.")

    def get_can_edit(self, post: DiscussionTopic | DiscussionReply) -> bool:
        return may_change(post, self.viewer)

    @property
    def viewer(self) -> User:
        viewer: User = self.context["request"].user
        return viewer


class TagsField(serializers.ListField):
    """Tag names: lower case, without spaces and duplicates."""

    child = serializers.CharField(max_length=MAX_TAG_LENGTH)

    def to_internal_value(self, data: Any) -> list[str]:
        names = {
            re.sub(r"\s+", "-", unicodedata.normalize("NFC", name).lower()) for name in super().to_internal_value(data)
        }
        if not all(is_tag(name) and len(name) <= MAX_TAG_LENGTH for name in names):
            raise serializers.ValidationError("A tag is a word: letters, digits, and . + # - between them.")
        return sorted(names)


class TopicSerializer(TextSerializer):
    """A topic in a list."""

    title = NameField(max_length=200)
    tags = TagsField(source="tag_names", max_length=MAX_TAGS, required=False)
    has_accepted_answer = serializers.BooleanField(read_only=True)

    class Meta:
        model = DiscussionTopic
        fields = [
            "id",
            "title",
            "content",
            "content_html",
            "mentions",
            "author",
            "tags",
            "vote_count",
            "reply_count",
            "view_count",
            "has_accepted_answer",
            "is_closed",
            "is_pinned",
            "created_at",
            "formatted_created_at",
            "last_activity_at",
            "is_edited",
            "edited_at",
            "my_vote",
            "can_edit",
        ]
        read_only_fields = [name for name in fields if name not in ("title", "content", "tags")]


class ReplySerializer(TextSerializer):
    """A reply to a topic."""

    is_accepted = serializers.BooleanField(read_only=True)
    can_accept = serializers.SerializerMethodField(help_text="The topic's author may accept a reply of another user.")

    class Meta:
        model = DiscussionReply
        fields = [
            "id",
            "topic_id",
            "content",
            "content_html",
            "mentions",
            "author",
            "vote_count",
            "is_accepted",
            "created_at",
            "formatted_created_at",
            "is_edited",
            "edited_at",
            "my_vote",
            "can_edit",
            "can_accept",
        ]
        read_only_fields = [name for name in fields if name != "content"]

    def get_can_accept(self, reply: DiscussionReply) -> bool:
        return reply.topic.author_id == self.viewer.pk != reply.author_id


class TopicDetailSerializer(TopicSerializer):
    """A topic with its first hundred replies."""

    accepted_answer = ReplySerializer(read_only=True, allow_null=True)
    replies = ReplySerializer(read_only=True, many=True, source="first_replies")

    class Meta(TopicSerializer.Meta):
        fields = [*TopicSerializer.Meta.fields, "accepted_answer", "replies"]
        read_only_fields = [*TopicSerializer.Meta.read_only_fields, "accepted_answer", "replies"]


class VoteValue(IntegerChoices):
    UP = 1, "Up"
    NONE = 0, "Withdrawn"
    DOWN = -1, "Down"


class VoteSerializer(serializers.Serializer[Any]):
    """The user's vote, and the total."""

    vote = serializers.ChoiceField(choices=VoteValue.choices)
    vote_count = serializers.IntegerField(read_only=True)


class AcceptAnswerSerializer(serializers.Serializer[Any]):
    reply_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class EditSerializer(serializers.ModelSerializer[Any]):
    """An earlier version, its end (`createdAt`), and the user who changed it."""

    editor = AuthorSerializer(read_only=True, allow_null=True)
    formatted_created_at = FormattedDateField(source="created_at")


class TopicEditSerializer(EditSerializer):
    class Meta:
        model = TopicEdit
        fields = ["id", "editor", "title", "content", "tags", "created_at", "formatted_created_at"]
        read_only_fields = fields


class ReplyEditSerializer(EditSerializer):
    class Meta:
        model = ReplyEdit
        fields = ["id", "editor", "content", "created_at", "formatted_created_at"]
        read_only_fields = fields


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["name", "topic_count"]
        read_only_fields = fields


class PreviewSerializer(serializers.Serializer[Any]):
    """Markdown to be previewed."""

    content = serializers.CharField(max_length=MAX_LENGTH, write_only=True)
    content_html = serializers.CharField(read_only=True)


class SimilarTopicSerializer(serializers.ModelSerializer[DiscussionTopic]):
    has_accepted_answer = serializers.BooleanField(read_only=True)

    class Meta:
        model = DiscussionTopic
        fields = ["id", "title", "vote_count", "reply_count", "has_accepted_answer"]
        read_only_fields = fields
