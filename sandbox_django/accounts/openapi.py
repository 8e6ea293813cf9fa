"""The authentication schemes and the account API in the OpenAPI document."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.cookies import ACCESS_COOKIE
from core.errors import CsrfFailed
from core.openapi import ITSELF, Operation, describe

ACCESS_LIFETIME = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
NEEDS_CSRF = "Requests that change something need the CSRF token in the header `X-CSRFToken`."
REFRESH_LIFETIME = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]


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
REFRESH_LIMIT = "1,000 times in 10 minutes from one address"
RESET_LIMIT = "30 times in an hour from one address"
RESET_LINK = {"uid": "Nw", "token": "cq8v5x-2f1c0a3e4d5b6a7988c7d6e5f4a3b2c1"}

describe(
    {
        "POST /api/accounts/registration/": Operation(
            id="register",
            tag="Account",
            summary="Make an account",
            description="And sign in on this device, as by `logIn`. `displayName` is what others see; without one it "
            "is made from the e-mail. Send `password`; or `password1` and `password2`, as forms do.",
            limit="100 in an hour from one address",
        ),
        "POST /api/accounts/login/": Operation(
            id="logIn",
            tag="Account",
            summary="Sign in",
            description="Programs take `access` and send it as `Authorization: Bearer …`, on sockets too. Browsers get "
            "the same as cookies that scripts can't read, and a session.",
            limit="30 times in 10 minutes for one e-mail, and 300 from one address; 10 wrong passwords for one e-mail, "
            "and 100 in all, from one address",
        ),
        "POST /api/accounts/token/refresh/": Operation(
            id="refreshTokens",
            tag="Account",
            summary="Trade a refresh token for new tokens",
            description=f"An access token lasts {ACCESS_LIFETIME.seconds // 60} minutes, a refresh token "
            f"{REFRESH_LIFETIME.days} days. The one that is traded is refused from then on, and if "
            "it comes again it ends its device: keep the new one. "
            "Browsers leave the body empty, their cookie has it.",
            limit=REFRESH_LIMIT,
            needs_token=True,
            forbidden=f"{CsrfFailed.default_detail} Only if the token comes from the cookie.",
        ),
        "POST /api/accounts/token/verify/": Operation(
            id="verifyToken",
            tag="Account",
            summary="Ask whether a token would be accepted",
            description="Access or refresh token. 401 if it would not.",
            limit=REFRESH_LIMIT,
            needs_token=True,
        ),
        "POST /api/accounts/logout/": Operation(
            id="logOut",
            tag="Account",
            summary="Sign out",
            description="This device, or all of them with `allDevices`. Its tokens are refused and its sockets closed "
            "within a second. A program sends its access token, or `refresh`. Done twice it is still done.",
        ),
        "GET /api/accounts/user/": Operation(id="getMyself", tag="Account", summary="Who I am"),
        "PATCH /api/accounts/user/": Operation(
            id="updateMyself", tag="Account", summary="Change my name", limit="20 changes of the name in an hour"
        ),
        "POST /api/accounts/email/verification/": Operation(
            id="sendVerificationLink",
            tag="Account",
            summary="Send a link that verifies my e-mail",
            description="The same mail as at registration. Until the address is verified, the assistant's daily budget "
            "is smaller. Nothing is sent if it is verified.",
            limit="5 in an hour to one account, and 30 from one address",
        ),
        "POST /api/accounts/password/change/": Operation(
            id="changePassword",
            tag="Account",
            summary="Change my password",
            description="Ends every session, token and socket of mine. This device gets new tokens.",
            limit="10 wrong passwords, and 30 attempts in all, in 10 minutes",
        ),
        "POST /api/accounts/password/reset/": Operation(
            id="requestPasswordReset",
            tag="Account",
            summary="Have a link to a new password mailed",
            description="If there is such an account; the response is the same if there is none.",
            limit=RESET_LIMIT,
        ),
        "POST /api/accounts/password/reset/confirm/": Operation(
            id="resetPassword",
            tag="Account",
            summary="Set a new password by that link",
            description="`uid` and `token` are the two parts of the link.",
            limit=RESET_LIMIT,
        ),
    },
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
