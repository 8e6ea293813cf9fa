import uuid

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from accounts.models.user import User
from core.raw_rows import find_where


class SignInQuerySet(models.QuerySet["SignIn"]):
    def find_user(self, user_id: object, sign_in_id: object) -> User | None:
        """Returns the active user who is signed in on this device."""
        # Raw SQL, since the ORM took three times as long. Every request and every socket of a program starts with this
        # query.
        return find_where(
            User,
            "JOIN accounts_signin sign_in ON sign_in.user_id = accounts_user.id "
            "WHERE accounts_user.id = %s AND sign_in.id = %s AND accounts_user.is_active",
            [user_id, SignIn._meta.pk.get_db_prep_value(sign_in_id, connection)],
        )


class SignIn(models.Model):
    """A device on which a user is signed in. Deleting it ends the device's session, tokens and sockets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    # The id of the only valid refresh token. The token that it replaced is refused.
    refresh_id = models.CharField(max_length=32, blank=True, editable=False)
    browser = models.CharField(max_length=60, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    objects = SignInQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"
