from contextlib import nullcontext

from django.db import connection, models, transaction

# One statement counts a request, so that no concurrent request is lost, and each request waits only for the row.
COUNT = """
INSERT INTO core_ratelimitcount (digest, count, expires_at) VALUES (%s, 1, %s)
ON CONFLICT (digest) DO UPDATE SET
    count = CASE WHEN core_ratelimitcount.expires_at <= %s THEN 1 ELSE core_ratelimitcount.count + 1 END,
    expires_at = CASE WHEN core_ratelimitcount.expires_at <= %s
        THEN excluded.expires_at ELSE core_ratelimitcount.expires_at END
RETURNING count, expires_at
"""


class RateLimitQuerySet(models.QuerySet["RateLimitCount"]):
    def add_one(self, digest: str, *, now: float, seconds: int) -> tuple[int, float]:
        """Adds one to the count, or starts a new period if the last has ended; returns the count and the end."""
        # On SQLite, a transaction takes its turn in the queue of writers. Other databases need no transaction here.
        needs_turn = connection.vendor == "sqlite" and not connection.in_atomic_block
        with transaction.atomic() if needs_turn else nullcontext(), connection.cursor() as cursor:
            cursor.execute(COUNT, [digest, now + seconds, now, now])
            count, expires_at = cursor.fetchone()
        return count, expires_at


class RateLimitCount(models.Model):
    """The number of requests that one limit has counted for one key in the current period."""

    # A hash of the limit's name and the key, because a key may be an e-mail address.
    digest = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(db_index=True)  # Unix time

    objects = RateLimitQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.digest[:8]}: {self.count}"
