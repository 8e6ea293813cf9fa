from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic


class Kind(models.TextChoices):
    """The kinds of notifications."""

    REPLY = "reply", "replied to your topic"
    MENTION = "mention", "mentioned you"
    ACCEPTED = "accepted", "accepted your answer"


class NotificationQuerySet(QuerySet["Notification"]):
    def inbox_of(self, user: User) -> Self:
        return self.filter(user=user).select_related("topic", "actor")

    def unread(self) -> Self:
        return self.filter(is_read=False)


class Notification(models.Model):
    """A notification in a user's inbox."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)
    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="notifications")
    reply = models.ForeignKey(DiscussionReply, on_delete=models.CASCADE, related_name="notifications", null=True)
    is_read = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["user", "id"], name="inbox_order"),
            models.Index(fields=["user"], condition=Q(is_read=False), name="inbox_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"
