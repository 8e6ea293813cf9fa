from rest_framework.test import APITestCase

from accounts.models import SignIn, User
from accounts.tokens import issue_tokens
from test_utils.users import alice


def bearer(user: User) -> str:
    """Returns the `Authorization` header of a program that has signed in as `user`."""
    return f"Bearer {issue_tokens(SignIn.objects.create(user=user)).access_token}"


def auth_headers(user: User) -> dict[str, str]:
    """Returns the headers for one request: `self.client.get(url, headers=auth_headers(bob))`."""
    return {"Authorization": bearer(user)}


def ws_headers(user: User) -> list[tuple[bytes, bytes]]:
    """Returns the headers for opening a socket."""
    return [(b"authorization", bearer(user).encode())]


class AuthAPITestCase(APITestCase):
    """A test case whose client uses the API as a program does, signed in as Alice with a Bearer token."""

    def setUp(self) -> None:
        super().setUp()
        self.user = alice()
        self.auth_headers = auth_headers(self.user)
        self.ws_headers = ws_headers(self.user)
        # `credentials()` would override the headers of requests that a test sends as another user.
        self.client.defaults["HTTP_AUTHORIZATION"] = self.auth_headers["Authorization"]
