"""The views of topics."""

from django.db import models

from discussion.models.topic import DiscussionTopic


class TopicView(models.Model):
    """A visitor's view of a topic on one day. A count replaces the rows of past days."""

    topic = models.ForeignKey(DiscussionTopic, on_delete=models.CASCADE, related_name="views", db_index=False)
    visitor = models.CharField(max_length=64)  # a user or an address, see services/views.py
    day = models.DateField(db_index=True)

    class Meta:
        verbose_name = "view"
        constraints = [models.UniqueConstraint(fields=["topic", "visitor", "day"], name="one_view_a_day")]

    def __str__(self) -> str:
        return f"{self.topic_id} on {self.day}"
