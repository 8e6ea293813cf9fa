from rest_framework.test import APITestCase

from accounts.models import SignIn, User
from accounts.tokens import issue_tokens
from test_utils.users import alice


def bearer(user: User) -> str:
    """The `Authorization` header of a program that has just signed in as `user`."""
    return f"Bearer {issue_tokens(SignIn.objects.create(user=user)).access_token}"


def auth_headers(user: User) -> dict[str, str]:
    """For one request: `self.client.get(url, headers=auth_headers(bob))`."""
    return {"Authorization": bearer(user)}


def ws_headers(user: User) -> list[tuple[bytes, bytes]]:
    """The same for a socket's opening."""
    return [(b"authorization", bearer(user).encode())]


class AuthAPITestCase(APITestCase):
    """Through the API as a program does: signed in as Alice, with a Bearer token."""

    def setUp(self) -> None:
        super().setUp()
        self.user = alice()
        self.auth_headers = auth_headers(self.user)
        self.ws_headers = ws_headers(self.user)
        # Not `credentials()`: those would win over the headers of a single request, which say who else is asking.
        self.client.defaults["HTTP_AUTHORIZATION"] = self.auth_headers["Authorization"]
