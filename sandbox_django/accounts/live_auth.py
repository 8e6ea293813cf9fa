"""Authenticates sockets. The setting `LIVE_AUTH_BACKEND` names the class below."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.models import SignIn, User
from accounts.sessions import SIGN_IN_KEY, get_session_user
from core.page_account import AccountChanged, check_account
from live.credentials import Credential


class SignInAuthBackend:
    """Keeps a socket open while its device is signed in and its token has not expired."""

    def get_user(self, request: HttpRequest) -> User | AnonymousUser:
        return get_session_user(request)

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Refuses a page that was rendered for another account. The page puts its account into the URL, since a
        browser's WebSocket can't set headers.
        """
        named = parse_qs(request.META["QUERY_STRING"]).get("account")
        try:
            check_account(named[-1] if named else None, user)
        except AccountChanged as refusal:
            raise NotAuthenticated(refusal.detail) from None  # closes with 4401: the page reloads or signs in

    def get_credential(self, request: Request) -> Credential | None:
        if not isinstance(request.user, User):
            return None
        token, session = request.auth, request._request.session
        if not isinstance(token, Token):
            return Credential(request.user.pk, session[SIGN_IN_KEY], request.user.auth_version)
        # If the browser also has a session of this device, the socket may stay open after the token has expired.
        expires_at = None if session.get(SIGN_IN_KEY) == token["sign_in"] else float(token["exp"])
        return Credential(request.user.pk, token["sign_in"], token["auth_version"], expires_at)

    def still_valid(self, credentials: Collection[Credential]) -> Collection[Credential]:
        signed_in = SignIn.objects.filter(
            pk__in={credential.session_id for credential in credentials}, user__is_active=True
        )
        valid = set(signed_in.values_list("pk", "user__auth_version"))
        return [credential for credential in credentials if (UUID(credential.session_id), credential.version) in valid]
