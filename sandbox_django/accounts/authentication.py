"""Authenticates REST requests and sockets. Classes are tried in the order of `DEFAULT_AUTHENTICATION_CLASSES`.

For a socket, the request is built from the handshake: a GET with the handshake's headers, its cookies and the session's
user.
"""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import AccessToken, Token

from accounts.cookies import ACCESS_COOKIE
from accounts.models import User
from accounts.sessions import SIGN_IN_KEY
from accounts.tokens import TokenRefused, read_token, user_of_token
from core.errors import CsrfFailed
from core.page_account import HEADER, check_account


class HeaderTokenAuthentication(BaseAuthentication):
    """Reads the token from `Authorization: Bearer …`, as programs send it. A client never sends this header by
    accident, so a bad token is refused.
    """

    refusal = TokenRefused  # core documents this refusal in the OpenAPI document

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            scheme, encoded = offered_token(request)
        if scheme.lower() != "bearer":
            return None
        token = read_token(AccessToken, encoded.strip())
        return user_of_token(token), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'  # with this header, REST framework refuses with 401, not 403


class CookieTokenAuthentication(HeaderTokenAuthentication):
    """Reads the token from a cookie, as browsers send it.

    Browsers send cookies with every request. So an expired token is ignored, which keeps public pages open to browsers
    that still have one. Requests that change something need Django's CSRF token.
    """

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        encoded = request.COOKIES.get(ACCESS_COOKIE)
        if not encoded:
            return None
        try:
            token = read_token(AccessToken, encoded)
            user = user_of_token(token)
        except TokenRefused:
            return None
        if getattr(request._request, "session", {}).get(SIGN_IN_KEY, token["sign_in"]) != token["sign_in"]:
            return None  # an earlier sign-in, perhaps to another account, left this cookie: use the session
        check_account(request.headers.get(HEADER), user)
        enforce_csrf(request)
        return user, token


class BrowserSessionAuthentication(SessionAuthentication):
    """Authenticates by Django's session, as pages do. Requests that change something need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        # Checked for visitors too: if the user has signed out, their open page must not continue as a visitor's page.
        check_account(request.headers.get(HEADER), request._request.user)
        return super().authenticate(request)

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise CsrfFailed from None


def offered_token(request: Request) -> tuple[str, str]:
    """Returns the scheme and the token from the subprotocols of a socket's handshake.

    A browser's WebSocket can't set headers, so clients call `new WebSocket(url, ["bearer", token])`.
    """
    offered = str(request.META.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")).split(",")
    return (offered[0].strip(), offered[1].strip()) if len(offered) > 1 else ("", "")


def enforce_csrf(request: Request) -> None:
    """Responds with 403 unless the request has a CSRF token, since another site may have made the browser send it."""
    BrowserSessionAuthentication().enforce_csrf(request)
