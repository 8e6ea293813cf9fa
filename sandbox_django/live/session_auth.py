"""An auth backend for projects that use django.contrib.auth and its sessions."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user, get_user_model
from django.http import HttpRequest
from rest_framework.request import Request

from live.credentials import Credential


class SessionAuthBackend:
    """Keeps a socket open as long as its user is active, or until `live.end_session` is called with its session key."""

    def get_user(self, request: HttpRequest) -> Any:
        return get_user(request)

    def check_request(self, request: HttpRequest, user: Any) -> None:
        """Accepts every request."""

    def get_credential(self, request: Request) -> Credential | None:
        if not request.user.is_authenticated:
            return None
        return Credential(request.user.pk, request._request.session.session_key or "", version=0)

    def still_valid(self, credentials: Collection[Credential]) -> Collection[Credential]:
        users = get_user_model()._default_manager.filter(
            pk__in={credential.user_id for credential in credentials}, is_active=True
        )
        active = set(users.values_list("pk", flat=True))
        return [credential for credential in credentials if credential.user_id in active]
