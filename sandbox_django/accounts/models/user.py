from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.feeds import locked_for
from accounts.fields import LowerCaseEmailField

EMAIL_TAKEN = "An account with this e-mail already exists. Sign in or reset your password."


class UserQuerySet(models.QuerySet["User"]):
    def update(self, **values: Any) -> int:
        """Updates the users. Clears `email_verified_at` if the e-mail changes, unless the caller sets it too."""
        if "email" in values:
            values.setdefault("email_verified_at", None)
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Deletes the users. First locks the feeds that contain them, before any row is deleted."""
        with locked_for(list(self.values_list("pk", flat=True))):
            return super().delete()


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Creates a user who signs in with `email`. Without a password, the user can't sign in until one is set."""
        if not email:
            raise ValueError("A user needs an e-mail.")
        return self.create(email=email, password=make_password(password), **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        # An operator runs commands, and is trusted to enter an address that belongs to the superuser.
        granted = {"is_staff": True, "is_superuser": True, "email_verified_at": timezone.now()}
        return self.create_user(email, password, **(granted | fields))


class User(AbstractBaseUser, PermissionsMixin):
    """A user, who signs in with an e-mail address. Other users see only the display name."""

    email = LowerCaseEmailField(
        "e-mail",
        max_length=254,
        unique=True,
        error_messages={"unique": EMAIL_TAKEN},
    )
    display_name = models.CharField(max_length=80, blank=True, help_text="What others see.")
    is_active = models.BooleanField("active", default=True, help_text="Switch off instead of deleting.")
    is_staff = models.BooleanField("staff", default=False, help_text="May open the admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    # The time when the user opened a link mailed to this address. It is set by update(), so that save() can't restore
    # an old value.
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Sessions and tokens contain this number. Incrementing it ends all of them, after a new password or a sign-out
    # everywhere.
    auth_version = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        # The field stores lower case. The constraint also covers writes that bypass the field.
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="user_email_is_unique_in_any_case", violation_error_message=EMAIL_TAKEN
            )
        ]
        indexes = [models.Index(Lower("display_name"), name="user_display_name")]  # mentions look users up by name

    def __str__(self) -> str:
        return self.display_name

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Skips the constraint on the e-mail. `validate_unique` already reports a taken e-mail, and a form would show
        the error twice.
        """
        super().validate_constraints(exclude={*(exclude or ()), "email"})

    def get_short_name(self) -> str:
        return self.display_name

    def get_full_name(self) -> str:
        return self.display_name

    def save(self, *, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if self._state.adding:
            self.display_name = self.display_name or self.email.partition("@")[0][:80]
        else:
            # Doesn't write these two columns, since another request may have changed them after this object was read.
            every = [field.name for field in self._meta.concrete_fields if not field.primary_key]
            update_fields = set(every if update_fields is None else update_fields) - {
                "auth_version",
                "email_verified_at",
            }
        with transaction.atomic():  # receivers delete other rows in the same transaction
            if update_fields is not None and "email" in update_fields:
                self._clear_verification_of_another_email()
            super().save(update_fields=update_fields, **kwargs)

    def _clear_verification_of_another_email(self) -> None:
        """Clears the verification if the e-mail changes. Compares with the stored e-mail, since this object may be
        outdated.
        """
        verified_other = User.objects.filter(pk=self.pk, email_verified_at__isnull=False).exclude(email=self.email)
        if verified_other.update(email_verified_at=None):
            self.email_verified_at = None

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Deletes the user. First locks the feeds that contain the user, before any row is deleted."""
        with locked_for([self.pk]):
            return super().delete(*args, **kwargs)

    def set_unusable_password(self) -> None:
        super().set_unusable_password()
        self._password = ""  # Django sets this only for usable passwords, but receivers must see this change too

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        # Django compares this hash at every request. It contains the version, so sessions end together with tokens.
        return salted_hmac(
            "accounts.User.session", f"{self.password}:{self.auth_version}", secret=secret, algorithm="sha256"
        ).hexdigest()
