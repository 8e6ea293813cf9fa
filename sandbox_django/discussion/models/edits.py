"""The earlier versions of topics and replies."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic


class Edit(models.Model):
    """An earlier version of a topic or reply."""

    editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)
    content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)  # when the next version replaced it

    class Meta:
        abstract = True
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Edit {self.pk}"


class TopicEdit(Edit):
    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="edits")
    title = models.CharField(max_length=200)
    tags = models.JSONField(default=list)  # names of tags


class ReplyEdit(Edit):
    reply = models.ForeignKey(DiscussionReply, on_delete=models.CASCADE, related_name="edits")
