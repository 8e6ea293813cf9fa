"""What the sockets ask about people; the setting `LIVE_GUARD` names it."""

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
from accounts.sessions import SIGN_IN_KEY, person_of_session
from core.page_account import AccountChanged, check_account
from live.passes import Pass


class SignInGuard:
    """A socket is open for as long as the device that opened it is signed in, and its token has not run out."""

    def person_of(self, request: HttpRequest) -> User | AnonymousUser:
        return person_of_session(request)

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Refuses a page of another account. Its URL has the account, since a browser's WebSocket sends no headers."""
        named = parse_qs(request.META["QUERY_STRING"]).get("account")
        try:
            check_account(named[-1] if named else None, user)
        except AccountChanged as refusal:
            raise NotAuthenticated(refusal.detail) from None  # closes with 4401, so the page reloads or signs in

    def pass_of(self, request: Request) -> Pass | None:
        if not isinstance(request.user, User):
            return None
        token, session = request.auth, request._request.session
        if not isinstance(token, Token):
            return Pass(request.user.pk, session[SIGN_IN_KEY], request.user.auth_version)
        # A browser that has a session of the same device besides would be let in by that one.
        ends_at = None if session.get(SIGN_IN_KEY) == token["sign_in"] else float(token["exp"])
        return Pass(request.user.pk, token["sign_in"], token["auth_version"], ends_at)

    def still_good(self, passes: Collection[Pass]) -> Collection[Pass]:
        signed_in = SignIn.objects.filter(pk__in={pass_.device for pass_ in passes}, user__is_active=True)
        good = set(signed_in.values_list("pk", "user__auth_version"))
        return [pass_ for pass_ in passes if (UUID(pass_.device), pass_.version) in good]
