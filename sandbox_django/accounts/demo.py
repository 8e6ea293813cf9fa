"""The people of the demo data. An app with something to add has a `demo.py` too, with `create(people)`."""

from dataclasses import dataclass

from accounts.models import User

ALICE = "alice@example.com"
BOB = "bob@example.com"
ADMIN = "admin@example.com"
PASSWORD = "sandbox-demo"  # noqa: S105 (printed for everybody to read, and used only where DEBUG is on)


@dataclass(frozen=True)
class DemoPeople:
    alice: User
    bob: User
    admin: User


def create_people() -> DemoPeople:
    return DemoPeople(
        alice=User.objects.create_user(ALICE, PASSWORD, display_name="Alice"),
        bob=User.objects.create_user(BOB, PASSWORD, display_name="Bob"),
        admin=User.objects.create_superuser(ADMIN, PASSWORD, display_name="Admin"),
    )
