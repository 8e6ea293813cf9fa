from contextlib import nullcontext

from django.db import connection, models, transaction

# In one statement, so that no concurrent request is lost, and each waits only for the row.
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
        """Counts one more, in a new period if the last one has ended; returns the count and the end of the period."""
        # SQLite's writers take turns by their transactions; elsewhere a single statement needs no transaction.
        needs_turn = connection.vendor == "sqlite" and not connection.in_atomic_block
        with transaction.atomic() if needs_turn else nullcontext(), connection.cursor() as cursor:
            cursor.execute(COUNT, [digest, now + seconds, now, now])
            count, expires_at = cursor.fetchone()
        return count, expires_at


class RateLimitCount(models.Model):
    """The number of requests under one limit for one key, since the beginning of the limit's period."""

    # A hash of limit and key, so that e-mail addresses aren't stored.
    digest = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(db_index=True)  # a time.time() value

    objects = RateLimitQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.digest[:8]}: {self.count}"
