from django.db import models


class RateLimitCount(models.Model):
    """How often something was done under one limit by one key, since the first time within the limit's period."""

    # Of limit and key: what users type (an e-mail) is not kept.
    digest = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(db_index=True)  # as time.time() counts

    def __str__(self) -> str:
        return f"{self.digest[:8]}: {self.count}"
