import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class SignIn(models.Model):
    """A device on which a user is signed in. Its session, its tokens and its sockets end together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    # The only valid refresh token; the one it replaced is refused.
    refresh_id = models.CharField(max_length=32, blank=True, editable=False)
    browser = models.CharField(max_length=60, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"
