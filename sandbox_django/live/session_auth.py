"""Sockets of projects that sign users in with django.contrib.auth and its sessions."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user, get_user_model
from django.http import HttpRequest
from rest_framework.request import Request

from live.passes import Pass


class SessionGuard:
    """A socket stays open while its user is active. `end_device(session_key)` closes the sockets of one session."""

    def person_of(self, request: HttpRequest) -> Any:
        return get_user(request)

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Accepts every request."""

    def pass_of(self, request: Request) -> Pass | None:
        if not request.user.is_authenticated:
            return None
        return Pass(request.user.pk, request._request.session.session_key or "", version=0)

    def still_good(self, passes: Collection[Pass]) -> Collection[Pass]:
        users = get_user_model()._default_manager.filter(pk__in={pass_.person for pass_ in passes}, is_active=True)
        active = set(users.values_list("pk", flat=True))
        return [pass_ for pass_ in passes if pass_.person in active]
