from collections.abc import Callable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject
from rest_framework.views import APIView

from accounts.sessions import get_session_user
from core.page_account import AccountChanged, check_account, claimed_account
from core.views.errors import account_changed


class SignInMiddleware(AuthenticationMiddleware):
    """Sets `request.user` to the session's user if the device is still signed in."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(get_session_user, request))  # type: ignore[assignment]  # lazy, as in Django's middleware
        request.auser = partial(sync_to_async(get_session_user), request)


class PageAccountMiddleware:
    """Refuses requests from a page that was rendered for another account.

    This middleware runs before the CSRF check. That check would also fail after a change of account, but without giving
    the reason. The API checks the account later, during authentication (accounts/authentication.py), because a token
    may determine the user there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        claimed = None if _is_api(view) else claimed_account(request)
        if claimed is None or _signs_out_twice(request):
            return None
        try:
            check_account(claimed, request.user)
        except AccountChanged as refusal:
            return account_changed(request, refusal)
        return None


def _is_api(view: Any) -> bool:
    return issubclass(getattr(view, "cls", object), APIView)


def _signs_out_twice(request: HttpRequest) -> bool:
    """Returns whether the request signs out a browser that is already signed out. This is harmless for any account."""
    match = request.resolver_match
    return match is not None and match.url_name == "logout" and not request.user.is_authenticated
