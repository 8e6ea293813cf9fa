"""Tokens as cookies: no script can read them, and no other site's form sends them along."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

ACCESS_COOKIE = "access_token"
REFRESH_COOKIE = "refresh_token"
REFRESH_PATH = "/api/accounts/"  # it is worth two weeks: it travels only where it is used


def set_token_cookies(response: HttpResponse, access: AccessToken, refresh: RefreshToken) -> None:
    _set(response, ACCESS_COOKIE, access, path="/")
    _set(response, REFRESH_COOKIE, refresh, path=REFRESH_PATH)


def delete_token_cookies(response: HttpResponse) -> None:
    response.delete_cookie(ACCESS_COOKIE, samesite="Lax")
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH, samesite="Lax")


def _set(response: HttpResponse, name: str, token: Token, *, path: str) -> None:
    response.set_cookie(
        name,
        str(token),
        max_age=token.lifetime,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
