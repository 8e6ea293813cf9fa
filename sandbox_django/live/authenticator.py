"""Who may open a socket: the same DRF classes as for REST, the object, and what the reader missed, in one hop."""

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
    """Authenticates by the DRF classes of the settings; subclasses say `permission_classes` and `find_object`.

    `obj` is what `find_object` finds. The answer is in `status_code` and `detail`; the consumer sends it.
    """

    detail = "OK"
    credential: Credential | None = None  # what a person who was let in showed; a visitor has none
    # What the consumer reads in the same hop, once the door is open.
    after_authentication: Callable[[], None] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if unsupported := {"queryset", "get_queryset", "get_object"} & cls.__dict__.keys():
            # chanx's own way. Nobody looks there, so it would let everybody in.
            raise TypeError(
                f"{cls.__name__} says {', '.join(sorted(unsupported))}, which is not asked: say find_object."
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
            # All that `initial` does but for the content, which isn't negotiated with a socket.
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
        except Exception as refusal:  # noqa: BLE001  # DRF's own way: its handler answers what it knows, raises the rest
            response = view.handle_exception(refusal)
            self.status_code = response.status_code
            self.detail = _detail_of(response.data)
            return False
        return True

    def find_object(self, *args: Any, **kwargs: Any) -> Any:
        """What the URL names; None, a 404, when it isn't there or not for `self.user`.

        Where a URL names nothing, the permissions alone decide.
        """
        return self.user


def _detail_of(data: Any) -> str:
    """The sentence of a refusal, as DRF's own handler puts it or as drf-standardized-errors does."""
    return str(data["errors"][0]["detail"] if "errors" in data else data["detail"])


def _request(scope: MutableMapping[str, Any]) -> HttpRequest:
    """The socket's opening as the GET request that it was."""
    request = HttpRequest()
    request.method = "GET"
    request.path = request.path_info = scope["path"]
    request.META["QUERY_STRING"] = scope.get("query_string", b"").decode("latin-1")
    # PostgreSQL compares no text with NUL; such a session is none.
    request.COOKIES = {name: value for name, value in scope.get("cookies", {}).items() if "\x00" not in value}
    if client := scope.get("client"):
        request.META["REMOTE_ADDR"] = client[0]
    for name, value in scope.get("headers", []):
        request.META["HTTP_" + name.decode("latin-1").upper().replace("-", "_")] = value.decode("latin-1")
    # As Django's own middleware does, whatever engine stores sessions.
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = SimpleLazyObject(lambda: auth_backend().get_user(request))  # type: ignore[assignment]  # lazy, as in AuthenticationMiddleware
    return request
