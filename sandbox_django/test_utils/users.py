"""The users of the tests: Alice is the owner, Bob is invited, Mallory is neither. Their password is "password"."""

from accounts.factories.user import UserFactory
from accounts.models import User


def alice() -> User:
    return UserFactory.create(email="alice@example.com", display_name="Alice")


def bob() -> User:
    return UserFactory.create(email="bob@example.com", display_name="Bob")


def mallory() -> User:
    return UserFactory.create(email="mallory@example.com", display_name="Mallory")
