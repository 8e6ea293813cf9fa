from django.db import models


class IdempotencyKey(models.Model):
    """The idempotency key of a `POST`, and the object that it created, which is returned for repeated requests.

    The response is not stored, because its text may be changed or deleted later.
    """

    # A hash of caller, route and key, so that equal keys of other users or routes are different.
    digest = models.CharField(max_length=64, unique=True)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    answer = models.TextField(blank=True)  # the id of the created object
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.digest[:8]} at {self.created_at:%Y-%m-%d %H:%M:%S}"
