from django.db import models


class RateLimitCount(models.Model):
    """The number of requests under one limit for one key, since the beginning of the limit's period."""

    # A hash of limit and key, so that e-mail addresses aren't stored.
    digest = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(db_index=True)  # a time.time() value

    def __str__(self) -> str:
        return f"{self.digest[:8]}: {self.count}"
