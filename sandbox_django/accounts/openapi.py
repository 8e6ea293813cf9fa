"""Describes the authentication schemes and the account API in the OpenAPI document."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.cookies import ACCESS_COOKIE
from core.openapi import ITSELF, describe

NEEDS_CSRF = "Requests that change something need the CSRF token in the header `X-CSRFToken`."


class HeaderTokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.HeaderTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "For programs: the `access` token of `logIn`, as `Authorization: Bearer …`.",
        }


class CookieTokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.CookieTokenAuthentication"
    name = "tokenCookie"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": ACCESS_COOKIE,
            "description": f"The same token, as browsers send it. {NEEDS_CSRF}",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.BrowserSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": f"The session of a browser that signed in on a page. {NEEDS_CSRF}",
        }


USER = {"id": 7, "email": "alice@example.com", "displayName": "Alice"}
ACCESS = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.Zm9yLWFuLWV4YW1wbGU"
REFRESH = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.Zm9yLWFuLWV4YW1wbGU"
TOKENS = {"access": ACCESS, "refresh": REFRESH}
NEW_PASSWORD = {"newPassword1": "five-little-ducks", "newPassword2": "five-little-ducks"}
RESET_LINK = {"uid": "Nw", "token": "cq8v5x-2f1c0a3e4d5b6a7988c7d6e5f4a3b2c1"}

describe(
    {
        "User": USER,
        "PatchedUserRequest": {"displayName": "Alice"},
        "LoginRequest": {"email": "alice@example.com", "password": "five-little-ducks"},
        "RegistrationRequest": {
            "email": "alice@example.com",
            "password": "five-little-ducks",
            "displayName": "Alice",
        },
        "SignedIn": {**TOKENS, "user": USER},
        "Tokens": TOKENS,
        "RefreshRequest": {"refresh": REFRESH},
        "TokenRequest": {"token": ACCESS},
        "LogoutRequest": {"refresh": REFRESH, "allDevices": False},
        "PasswordChangeRequest": {"oldPassword": "five-little-ducks", **NEW_PASSWORD},
        "PasswordResetRequest": {"email": "alice@example.com"},
        "ResetConfirmRequest": {**RESET_LINK, **NEW_PASSWORD},
        "Detail": {"detail": "Signed out."},
    },
    {
        "User": {
            "email": "The e-mail that you sign in with. Other users don't see it.",
        },
        "Login": {
            "email": "The account's e-mail; case doesn't matter.",
            "password": "The account's password.",
        },
        "Logout": {
            "allDevices": "Sign out every device, not only this one.",
        },
        "Registration": {
            "email": "The e-mail to sign in with.",
            "password": "The password. Without it, send `password1` and `password2`.",
            "password1": "The password, in place of `password`.",
            "password2": "The password again. Required with `password1`.",
            "displayName": "The name that other users see; made from the e-mail if it is empty.",
        },
        "SignedIn": {
            "user": "The user who signed in.",
            ITSELF: "the user and their tokens",
            "access": "The access token.",
            "refresh": "The refresh token.",
        },
        "Tokens": {
            ITSELF: "the new tokens",
            "access": "The new access token.",
            "refresh": "The new refresh token; the old one is refused from now on.",
        },
        "Token": {
            "token": "An access or a refresh token.",
        },
        "PasswordChange": {
            "oldPassword": "The current password.",
            "newPassword1": "The new password.",
            "newPassword2": "The new password again.",
        },
        "PasswordReset": {
            "email": "The account's e-mail.",
        },
        "ResetConfirm": {
            "uid": "The first part of the link.",
            "token": "The second part of the link.",
            "newPassword1": "The new password.",
            "newPassword2": "The new password again.",
        },
        "Detail": {
            ITSELF: "a sentence for users",
            "detail": "A sentence for users.",
        },
    },
)
