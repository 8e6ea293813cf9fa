"""Stores tokens in cookies that scripts can't read and that browsers don't send with forms of other sites."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

# Over TLS, browsers accept a cookie with this prefix only from this exact host. So other hosts of the domain can't set
# it.
_PREFIX = "__Host-" if settings.SESSION_COOKIE_SECURE else ""
ACCESS_COOKIE = f"{_PREFIX}access_token"
REFRESH_COOKIE = f"{_PREFIX}refresh_token"


def set_token_cookies(response: HttpResponse, access: AccessToken, refresh: RefreshToken) -> None:
    _set(response, ACCESS_COOKIE, access)
    _set(response, REFRESH_COOKIE, refresh)


def delete_token_cookies(response: HttpResponse) -> None:
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        response.delete_cookie(name, samesite="Lax")


def _set(response: HttpResponse, name: str, token: Token) -> None:
    response.set_cookie(
        name,
        str(token),
        max_age=token.lifetime,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
