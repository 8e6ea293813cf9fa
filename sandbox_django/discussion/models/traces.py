"""What people leave on topics and replies: votes, what stood there before an edit, and views."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic


class Vote(models.Model):
    """Up or down, once for each person. It still counts when their account is gone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)
    value = models.SmallIntegerField(choices=[(1, "up"), (-1, "down")])

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.value:+} by {self.user_id}"


class TopicVote(Vote):
    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="votes", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "user"], name="one_vote_on_a_topic"),
            models.CheckConstraint(condition=Q(value__in=[1, -1]), name="topic_vote_is_up_or_down"),
        ]


class ReplyVote(Vote):
    reply = models.ForeignKey(DiscussionReply, on_delete=models.CASCADE, related_name="votes", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reply", "user"], name="one_vote_on_a_reply"),
            models.CheckConstraint(condition=Q(value__in=[1, -1]), name="reply_vote_is_up_or_down"),
        ]


class Edit(models.Model):
    """What stood there until somebody changed it."""

    editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)
    content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)  # when it was replaced

    class Meta:
        abstract = True
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Edit {self.pk}"


class TopicEdit(Edit):
    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="edits")
    title = models.CharField(max_length=200)
    tags = models.JSONField(default=list)  # names


class ReplyEdit(Edit):
    reply = models.ForeignKey(DiscussionReply, on_delete=models.CASCADE, related_name="edits")


class TopicView(models.Model):
    """Somebody looked at a topic on a day. Rows of days that are over are counted together and deleted."""

    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="views", db_index=False)
    visitor = models.CharField(max_length=64)  # whoever it is: services/views.py
    day = models.DateField(db_index=True)

    class Meta:
        verbose_name = "view"
        constraints = [models.UniqueConstraint(fields=["topic", "visitor", "day"], name="one_view_a_day")]

    def __str__(self) -> str:
        return f"{self.topic_id} on {self.day}"
