"""Middleware for security headers, error formats, time zones, caching and the request log."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from zoneinfo import ZoneInfo, available_timezones

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.utils import timezone
from django_structlog.middlewares import RequestMiddleware

from core.errors import Refused
from core.exception_handler import log_unavailable
from core.views.errors import api_error, bad_request, is_api, not_found_detail, refused, unavailable
from runtime.database import is_unavailable

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class SecurityHeadersMiddleware:
    """Restricts pages to resources of this host, forbids inline scripts, and forbids framing.

    If a view sets its own header, because it needs another policy, that header is kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if not is_debug_page(response):
            response.headers.setdefault("Content-Security-Policy", content_security_policy(request))
        return response


class ApiErrorsMiddleware:
    """Gives every error under /api/ the standard JSON format, even if Django itself responds or DEBUG is on.

    API views already use this format. Unknown addresses, hosts that aren't allowed, and Django's debug pages don't.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < HTTPStatus.BAD_REQUEST or not is_api(request):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json") or response.streaming:
            return response
        replacement = api_error(HTTPStatus(response.status_code), detail=not_found_detail(request))
        for name, value in response.items():
            if name not in {"Content-Type", "Content-Length"}:
                replacement.headers.setdefault(name, value)
        replacement.cookies = response.cookies
        return replacement


class NulCharacterMiddleware:
    """Refuses requests with a NUL character in the address or a cookie, because PostgreSQL can't compare such text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        values = [request.path, *request.COOKIES.values()]
        if "%00" in request.META.get("QUERY_STRING", "") or any("\x00" in value for value in values):
            return bad_request(request, BadRequest("NUL"))
        return self.get_response(request)


class UnavailableMiddleware:
    """Renders an error page if a page's view raises `Refused`, and a 503 while the database is unavailable.

    `core.exception_handler` does both for API views.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if isinstance(exception, Refused):
            return refused(request, exception)
        if not is_unavailable(exception):
            return None
        log_unavailable(exception)
        return unavailable(request)


class SlashMiddleware(CommonMiddleware):
    """Django's CommonMiddleware, which here adds missing slashes only to the addresses of pages.

    An API client would follow the redirect of a POST with a GET, and mistake the returned list for a success. So the
    API returns a 404 with the right address.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return not is_api(request) and super().should_redirect_with_slash(request)


class TimeZoneMiddleware:
    """Renders pages in the browser's time zone, which a script on each page stores in a cookie.

    The API doesn't use the browser's time zone, because sockets send the same formatted dates to all users.
    """

    COOKIE = "time_zone"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = request.COOKIES.get(self.COOKIE, "")
        if request.path.startswith("/api/") or name not in known_time_zones():
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)


@cache
def known_time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


class NoStoreMiddleware:
    """Forbids proxies and browsers to store responses that depend on the user.

    This is the default for the API and for all responses that used a session or a token. A view can set its own
    `Cache-Control`.
    """

    # The URL names of responses that are the same for all users.
    PUBLIC_DOCUMENTS = frozenset({"schema", "asyncapi_schema"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if self._depends_on_user(request, response):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _depends_on_user(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        if request.resolver_match and request.resolver_match.url_name in self.PUBLIC_DOCUMENTS:
            return False
        depends_on_cookies = "cookie" in response.headers.get("Vary", "").lower() or bool(response.cookies)
        return depends_on_cookies or "Authorization" in request.headers or request.path.startswith("/api/")


class RequestLogMiddleware(RequestMiddleware):
    """Logs one line for each request. The response also has the request's id, so that support can find the line."""

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        response.headers["X-Request-ID"] = structlog.contextvars.get_contextvars().get("request_id", "")
        super().handle_response(request, response)

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Logs the client's address. Headers are ignored, because uvicorn has already applied those of the proxy."""
        structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR", ""))

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Returns the method and path, without the query string and without the token of a password reset."""
        match = request.resolver_match
        if match is None:
            return f"{request.method} /{request.path.split('/')[1]}…"
        return f"{request.method} {request.path.replace(match.kwargs.get('token') or chr(0), '…')}"


def content_security_policy(request: HttpRequest) -> str:
    """Returns the strictest policy with which the site's pages and Django's admin work."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            " ".join(["connect-src 'self'", *socket_sources(request)]),
            "font-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "manifest-src 'self'",
        ]
    )


def socket_sources(request: HttpRequest) -> list[str]:
    # In older browsers, 'self' doesn't include WebSockets of the same host.
    try:
        host = request.get_host()
    except DisallowedHost:
        return []
    return [f"ws://{host}", f"wss://{host}"]


def is_debug_page(response: HttpResponseBase) -> bool:
    # Django's debug pages use inline styles and scripts.
    return settings.DEBUG and response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR}
