"""Error responses for requests that fail outside of a view: HTML for pages, and JSON for the API."""

import sys
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import is_valid_path
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.exceptions import ParseError

from core.errors import NotAllowed, NotFound, Refused, Unavailable
from core.exception_handler import log_unavailable, server_error_detail
from core.page_account import AccountChanged
from core.typed_text import typed_text
from runtime.database import is_unavailable


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler400`, for malformed requests."""
    code, detail = _API_ERRORS[HTTPStatus.BAD_REQUEST]
    return error_response(request, HTTPStatus.BAD_REQUEST, code=code, detail=detail)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler403`, for users without permission."""
    return refused(request, NotAllowed())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler404`, for objects that don't exist or that the user may not see."""
    return error_response(request, HTTPStatus.NOT_FOUND, code="not_found", detail=not_found_detail(request))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's `handler500`, for unexpected errors. It must work in any state, even without a database."""
    error = sys.exception()
    if isinstance(error, Exception) and is_unavailable(error):
        log_unavailable(error)
        return unavailable(request)
    return error_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, code="error", detail=server_error_detail())


def unavailable(request: HttpRequest) -> HttpResponseBase:
    """Returns a 503, because the database or the thread pool is temporarily unavailable."""
    response = error_response(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        code=Unavailable.default_code,
        detail=str(Unavailable.default_detail),
    )
    response.headers["Retry-After"] = str(Unavailable.wait)
    response._has_been_logged = True  # type: ignore[attr-defined]  # otherwise Django logs a second line
    return response


# Statuses for which there is a specific page. Other refusals share one page.
_PAGES = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS}


def refused(request: HttpRequest, refusal: Refused) -> HttpResponseBase:
    """Returns the error response for a refusal that the page's view doesn't handle."""
    status = HTTPStatus(refusal.status_code)
    template = None if status in _PAGES else "core/refused.html"
    response = error_response(request, status, code=refusal.code, detail=refusal.page_text, template=template)
    if wait := getattr(refusal, "wait", None):
        response.headers["Retry-After"] = f"{wait:.0f}"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Django's `CSRF_FAILURE_VIEW`. The form usually is on a page that was rendered before the last sign-in."""
    return error_response(
        request,
        HTTPStatus.FORBIDDEN,
        code=NotAllowed.default_code,
        detail="CSRF check failed.",
        template="core/csrf_failure.html",
        keeps_text=True,
    )


def account_changed(request: HttpRequest, refusal: AccountChanged) -> HttpResponseBase:
    """Returns a 403, because the page of the form or script belongs to another account (core/page_account.py)."""
    return error_response(
        request,
        HTTPStatus.FORBIDDEN,
        code=refusal.code,
        detail=refusal.page_text,
        template="core/account_changed.html",
        keeps_text=True,
    )


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def not_found_detail(request: HttpRequest) -> str:
    """Returns the text of a 404, with the right address if only the slash at its end is missing."""
    path = f"{request.path_info}/"
    if is_api(request) and not request.path_info.endswith("/") and is_valid_path(path):
        return f"There is nothing at this address. It ends with a slash: {path}"
    return str(NotFound.default_detail)


# The error code (for programs) and text (for users) of Django's own error responses.
_API_ERRORS = {
    HTTPStatus.BAD_REQUEST: ("bad_request", str(ParseError.default_detail)),
    HTTPStatus.FORBIDDEN: (NotAllowed.default_code, str(NotAllowed.default_detail)),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This method is not allowed here."),
}


def api_error(status: HTTPStatus, *, detail: str) -> JsonResponse:
    """Returns an error in the standard format; `detail` replaces the text of a 404."""
    if status == HTTPStatus.NOT_FOUND:
        code = "not_found"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        code, detail = "error", server_error_detail()
    else:
        code, detail = _API_ERRORS.get(status, ("error", f"{status.phrase}."))
    return _json_error(status, code, detail)


def _json_error(status: HTTPStatus, code: str, detail: str) -> JsonResponse:
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "client_error"
    return JsonResponse({"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}, status=status)


def error_response(
    request: HttpRequest,
    status: HTTPStatus,
    *,
    code: str,
    detail: str,
    template: str | None = None,
    keeps_text: bool = False,
) -> HttpResponseBase:
    if is_api(request):
        return _json_error(status, code, detail)
    # Rendered without the request, and so without its user, because an error page must not query the database.
    context: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME, "detail": detail}
    if keeps_text:
        context |= {"typed": typed_text(request), "back": _page_of(request)}
    return HttpResponse(render_to_string(template or f"{status.value}.html", context), status=status)


def _page_of(request: HttpRequest) -> str:
    """Returns the address of the page with the form, from the Referer, if the page belongs to this site.

    The request's own address can't be used, because a form may post to an address without a page.
    """
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if is_ours else "/"
