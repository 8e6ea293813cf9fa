"""Authenticates sockets with the DRF classes of the REST API.

One thread hand-off authenticates, looks up the object, and reads the missed events.
"""

from collections.abc import Callable, MutableMapping
from importlib import import_module
from typing import Any

import structlog
from chanx.channels.authenticator import DjangoAuthenticator
from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework import status

from live.credentials import Credential, auth_backend
from runtime.threads import ThreadBatcher

logger = structlog.get_logger(__name__)

_batcher = ThreadBatcher()


class LiveAuthenticator(DjangoAuthenticator):
    """Authenticates with the DRF classes of the settings. Subclasses define `permission_classes` and `find_object`.

    `obj` is the result of `find_object`. The consumer sends `status_code` and `detail` to the client.
    """

    detail = "OK"
    credential: Credential | None = None  # None for a visitor
    # Set by the consumer; reads the missed events in the same thread hand-off.
    after_authentication: Callable[[], None] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if unsupported := {"queryset", "get_queryset", "get_object"} & cls.__dict__.keys():
            # chanx would look the object up through these attributes. This class ignores them, so without this error,
            # every client would be admitted.
            raise TypeError(
                f"{cls.__name__} sets {', '.join(sorted(unsupported))}, which is not used: override find_object."
            )

    async def authenticate(self, scope: MutableMapping[str, Any]) -> bool:
        return await _batcher.run(self._authenticate, scope)

    def _authenticate(self, scope: MutableMapping[str, Any]) -> bool:
        self._setup_auth_view()
        view, kwargs = self._view, scope.get("url_route", {}).get("kwargs", {})
        request = _request(scope)
        view.setup(request, **kwargs)
        view.request = view.initialize_request(request, **kwargs)
        view.headers = view.default_response_headers
        try:
            # All steps of DRF's `initial` except content negotiation, which sockets don't have.
            view.perform_authentication(view.request)
            view.check_permissions(view.request)
            view.check_throttles(view.request)
            self.user = view.request.user
            auth_backend().check_request(request, self.user)
            self.obj = self.find_object(**kwargs)
            if self.obj is None:
                raise Http404
            view.check_object_permissions(view.request, self.obj)
            self.status_code = status.HTTP_200_OK
            self.credential = auth_backend().get_credential(view.request)
            if self.after_authentication is not None:
                self.after_authentication()
        except Exception as refusal:  # noqa: BLE001  # as in DRF, whose handler raises unknown exceptions again
            response = view.handle_exception(refusal)
            self.status_code = response.status_code
            self.detail = _detail_of(response.data)
            return False
        return True

    def find_object(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the URL's object; None (a 404) if it doesn't exist or `self.user` may not see it.

        This default is for URLs without an object: only `permission_classes` are checked.
        """
        return self.user


def _detail_of(data: Any) -> str:
    """Returns the detail of an error response in the format of DRF or of drf-standardized-errors."""
    return str(data["errors"][0]["detail"] if "errors" in data else data["detail"])


def _request(scope: MutableMapping[str, Any]) -> HttpRequest:
    """Returns the socket's opening handshake as a Django GET request."""
    request = HttpRequest()
    request.method = "GET"
    request.path = request.path_info = scope["path"]
    request.META["QUERY_STRING"] = scope.get("query_string", b"").decode("latin-1")
    # A cookie with NUL can't be a session key, and PostgreSQL would raise an error for it.
    request.COOKIES = {name: value for name, value in scope.get("cookies", {}).items() if "\x00" not in value}
    if client := scope.get("client"):
        request.META["REMOTE_ADDR"] = client[0]
    for name, value in scope.get("headers", []):
        request.META["HTTP_" + name.decode("latin-1").upper().replace("-", "_")] = value.decode("latin-1")
    # As in Django's SessionMiddleware, so that every session engine works.
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = SimpleLazyObject(lambda: auth_backend().get_user(request))  # type: ignore[assignment]  # lazy, as in AuthenticationMiddleware
    return request
