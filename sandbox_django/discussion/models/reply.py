from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from discussion.models.topic import DiscussionTopic, with_vote_of

# Most votes first; replies with equal votes are ordered by age, oldest first.
BEST_FIRST = ("-vote_count", "created_at", "pk")


class ReplyQuerySet(QuerySet["DiscussionReply"]):
    def for_viewer(self, viewer: User | None) -> Self:
        """Adds each reply's author and topic, and the vote of `viewer`."""
        return with_vote_of(viewer, self.select_related("author", "topic"))

    def accepted_first(self) -> Self:
        """Orders replies as a page shows them, with the accepted answer first."""
        accepted = F("accepted_in").asc(nulls_last=True)
        return self.order_by(accepted, *BEST_FIRST)


class DiscussionReply(models.Model):
    """A reply to a topic. It remains when its author's account is deleted."""

    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="replies", db_index=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="discussion_replies", null=True, blank=True
    )
    content = models.TextField()
    content_html = models.TextField(blank=True)
    mentions = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    vote_count = models.IntegerField(default=0)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        verbose_name = "reply"
        verbose_name_plural = "replies"
        ordering = BEST_FIRST
        indexes = [models.Index(fields=["topic", "-vote_count", "created_at", "id"], name="replies_best_first")]

    def __str__(self) -> str:
        return f"Reply {self.pk}"

    @property
    def is_edited(self) -> bool:
        return self.edited_at is not None

    @property
    def is_accepted(self) -> bool:
        return self.topic.accepted_answer_id == self.pk
