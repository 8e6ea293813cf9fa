"""The users of the tests. Alice owns things, Bob is invited by her, and Mallory is a stranger. Their password is
"password".
"""

from accounts.factories.user import UserFactory
from accounts.models import User


def alice() -> User:
    return UserFactory.create(email="alice@example.com", display_name="Alice")


def bob() -> User:
    return UserFactory.create(email="bob@example.com", display_name="Bob")


def mallory() -> User:
    return UserFactory.create(email="mallory@example.com", display_name="Mallory")
