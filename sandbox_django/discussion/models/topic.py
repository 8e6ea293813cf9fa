from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import FilteredRelation, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from core.fields import ActivityField, Searchable, SearchTextField

RowsType = TypeVar("RowsType", bound="QuerySet[Any]")


class Tag(models.Model):
    """A tag of topics. Its name is a lower-case word without spaces."""

    name = models.CharField(max_length=30, unique=True)
    topic_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-topic_count", "name"]
        indexes = [models.Index(fields=["-topic_count", "name"], name="popular_tags")]

    def __str__(self) -> str:
        return self.name


class TopicQuerySet(QuerySet["DiscussionTopic"]):
    def for_viewer(self, viewer: User | None) -> Self:
        """Adds each topic's author and tags, and the vote of `viewer`."""
        return with_vote_of(viewer, self.select_related("author").prefetch_related("tags"))


class DiscussionTopic(Searchable):
    """A question or another topic. It remains when its author's account is deleted."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="discussion_topics", null=True, blank=True
    )
    title = models.CharField(max_length=200)
    content = models.TextField()
    content_html = models.TextField(blank=True)  # rendered when the topic is stored
    mentions = models.JSONField(default=list, blank=True)  # ids of mentioned users
    tags = models.ManyToManyField(Tag, related_name="topics", blank=True)
    accepted_answer = models.OneToOneField(
        "discussion.DiscussionReply", on_delete=models.SET_NULL, related_name="accepted_in", null=True, blank=True
    )
    is_closed = models.BooleanField(default=False)  # a closed topic accepts no more replies
    is_pinned = models.BooleanField(default=False)  # pinned topics come first in lists
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    # The transaction that changes the counted rows updates these counters. `manage.py reconcile` compares both.
    vote_count = models.IntegerField(default=0)
    reply_count = models.PositiveIntegerField(default=0)
    view_count = models.PositiveIntegerField(default=0)
    old_view_count = models.PositiveIntegerField(default=0)  # number of views whose rows have been deleted
    last_activity_at = ActivityField()

    search_text = SearchTextField("title", "content")

    objects = TopicQuerySet.as_manager()

    class Meta:
        verbose_name = "topic"
        ordering = ["-pk"]
        # There is one index for each order of the list.
        indexes = [
            models.Index(fields=["is_pinned", "created_at", "id"], name="topics_new"),
            models.Index(fields=["is_pinned", "last_activity_at", "id"], name="topics_active"),
            models.Index(fields=["is_pinned", "vote_count", "id"], name="topics_by_votes"),
            models.Index(
                fields=["is_pinned", "created_at", "id"], condition=Q(reply_count=0), name="topics_unanswered"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_edited(self) -> bool:
        return self.edited_at is not None

    @property
    def tag_names(self) -> list[str]:
        return sorted(tag.name for tag in self.tags.all())

    @property
    def has_accepted_answer(self) -> bool:
        return self.accepted_answer_id is not None


def with_vote_of(viewer: User | None, rows: RowsType) -> RowsType:
    """Adds `my_vote`, which is 1, -1, or 0 if `viewer` hasn't voted."""
    if viewer is None:
        return rows.annotate(my_vote=Value(0, output_field=IntegerField()))
    mine = FilteredRelation("votes", condition=Q(votes__user=viewer))
    return rows.annotate(mine=mine, my_vote=Coalesce("mine__value", 0))
