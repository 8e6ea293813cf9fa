"""Views of topics."""

from django.db import models

from discussion.models.topic import DiscussionTopic


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
