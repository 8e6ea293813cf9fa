"""The log of live events: a feed is a numbered list of events, stored so that no subscriber misses an event."""

from collections.abc import Mapping

from django.db import connection, models
from django.db.models import Q


class Feed(models.Model):
    """The feed of one room, conversation, topic or user. Its `head` is the sequence number of its newest event."""

    name = models.CharField(max_length=99, unique=True)
    head = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}@{self.head}"


class FeedEventQuerySet(models.QuerySet["FeedEvent"]):
    def store_frames(self, frames: Mapping[int, str]) -> None:
        """Replaces the frames of events, by id. `bulk_update` would take ten times as long to build its SQL."""
        if not frames:
            return
        sizes = [len(frame.encode()) for frame in frames.values()]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(STORE_FRAMES, [list(frames), list(frames.values()), sizes])
            else:
                cursor.executemany(STORE_FRAME, list(zip(frames.values(), sizes, frames, strict=True)))


STORE_FRAME = "UPDATE live_feedevent SET frame = %s, size = %s WHERE id = %s"
# For PostgreSQL, where a statement for each row takes three times as long.
STORE_FRAMES = """
UPDATE live_feedevent AS event SET frame = new.frame, size = new.size
FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS new (id, frame, size) WHERE event.id = new.id
"""


class FeedEvent(models.Model):
    """A stored event. `frame` is the exact text that clients receive."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    frame = models.TextField()
    # The id of the streamed text (an answer) that the event ends, and its length in characters; otherwise null.
    text_id = models.BigIntegerField(null=True)
    text_length = models.IntegerField(null=True)
    # The object whose text the frame contains ("chat.message:41"), and the user whose name it contains. When the object
    # or user is changed or deleted, `feeds.rewrite` and `rewrite_user` find the frame by these columns. Null instead of
    # empty, because the partial indexes contain only rows with a value.
    object_key = models.CharField(max_length=64, null=True)  # noqa: DJ001  # see above
    named_user = models.BigIntegerField(null=True)
    size = models.IntegerField(db_default=0)  # bytes of the frame
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = FeedEventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "seq"], name="feed_event_number")]
        indexes = [
            models.Index(fields=["object_key"], condition=Q(object_key__isnull=False), name="feed_event_object"),
            models.Index(fields=["named_user"], condition=Q(named_user__isnull=False), name="feed_event_named_user"),
        ]

    def __str__(self) -> str:
        return f"{self.feed_id}#{self.seq}"


class FeedFloor(models.Model):
    """Stores the highest head of all feeds whose rows were removed, in one row or none. New feeds start at this floor.

    If a removed feed started at 0 again, it would reuse sequence numbers, and a client with a position from before the
    removal would miss events without noticing.
    """

    head = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.head)
