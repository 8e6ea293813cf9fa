from functools import cache

from django.contrib.auth.hashers import make_password
from factory.declarations import Sequence, Transformer
from factory.django import DjangoModelFactory

from accounts.models import User


@cache
def hashed(password: str) -> str:
    """Returns the hash of a password. It is cached, since hashing is slow on purpose."""
    return make_password(password)


class UserFactory(DjangoModelFactory[User]):
    """A user whose password is "password"."""

    class Meta:
        model = User

    email = Sequence(lambda number: f"person{number}@example.com")
    password = Transformer("password", transform=hashed)
