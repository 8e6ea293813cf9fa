"""Votes on topics and replies."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic


class Vote(models.Model):
    """A user's vote up or down. There is one per user and post. It still counts when the user's account is deleted."""

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
