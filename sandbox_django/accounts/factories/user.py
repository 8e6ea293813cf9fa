from functools import cache

from django.contrib.auth.hashers import make_password
from factory.declarations import Sequence, Transformer
from factory.django import DjangoModelFactory

from accounts.models import User


@cache
def hashed(password: str) -> str:
    """Hashing is slow on purpose; tests and demo data need it once."""
    return make_password(password)


class UserFactory(DjangoModelFactory[User]):
    """Somebody who can sign in with "password"."""

    class Meta:
        model = User

    email = Sequence(lambda number: f"person{number}@example.com")
    password = Transformer("password", transform=hashed)
