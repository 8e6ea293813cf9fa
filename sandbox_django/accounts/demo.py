"""Creates the users of the demo data. An app with demo data has a `demo.py` with a function `create(users)`."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from accounts.models import User

ALICE = "alice@example.com"
BOB = "bob@example.com"
ADMIN = "admin@example.com"
PASSWORD = "sandbox-demo"  # noqa: S105 (public, and used only if DEBUG is on)


@dataclass(frozen=True)
class DemoUsers:
    alice: User
    bob: User
    admin: User


def password_of(user: User) -> str:
    """Returns the password of a demo user: the documented one with DEBUG, otherwise the one generated for this site."""
    if settings.DEBUG:
        return PASSWORD
    return str(settings.DEMO_ADMIN_PASSWORD if user.is_staff else settings.DEMO_PASSWORD)


def create_users() -> DemoUsers:
    return DemoUsers(
        alice=_create(User(email=ALICE, display_name="Alice")),
        bob=_create(User(email=BOB, display_name="Bob")),
        admin=_create(User(email=ADMIN, display_name="Admin", is_staff=True, is_superuser=True)),
    )


def _create(user: User) -> User:
    user.set_password(password_of(user))
    user.email_verified_at = timezone.now()  # example.com receives no mail, so no link can verify it
    user.save()
    return user
