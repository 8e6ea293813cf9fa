from django.db import models


class IdempotencyKey(models.Model):
    """A `POST` with an Idempotency-Key, and the object that it created: sent again, it is answered with that object.

    The answer itself is not stored: it has text that may be changed or deleted since.
    """

    # Of caller, route and key: somebody else's key, or the same key elsewhere, is another one.
    digest = models.CharField(max_length=64, unique=True)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    answer = models.TextField(blank=True)  # the id of the created object, and nothing else of it
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.digest[:8]} at {self.created_at:%Y-%m-%d %H:%M:%S}"
