"""The log behind everything live: a feed is a numbered list of facts, kept so that no reader misses one."""

from django.db import models


class Feed(models.Model):
    """One room, one conversation, one topic or one person, and how many facts it has told so far."""

    name = models.CharField(max_length=99, unique=True)
    head = models.BigIntegerField(default=0)

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return f"{self.name}@{self.head}"


class FeedEvent(models.Model):
    """One fact as it went out: `frame` is the very text that browsers get."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    frame = models.TextField()
    # Set where the fact ends a text that was streamed (an answer): its id, and its length in characters.
    text_id = models.BigIntegerField(null=True)
    text_length = models.IntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        app_label = "core"
        constraints = [models.UniqueConstraint(fields=["feed", "seq"], name="feed_event_number")]

    def __str__(self) -> str:
        return f"{self.feed_id}#{self.seq}"
