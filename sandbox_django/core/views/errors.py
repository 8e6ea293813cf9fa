"""What is said when a request comes to nothing before, or outside of, a view: a page to people, JSON to programs."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string

from core.errors import our_fault


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler400`: the request was malformed."""
    return say(request, HTTPStatus.BAD_REQUEST, code="bad_request", detail="Malformed request.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler403`: this person may not."""
    return say(
        request,
        HTTPStatus.FORBIDDEN,
        code="permission_denied",
        detail="You do not have permission to perform this action.",
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler404`: nothing here, or nothing this person may see."""
    return say(request, HTTPStatus.NOT_FOUND, code="not_found", detail="Not found.")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """`handler500`: we broke. It must work whatever is broken, the database included."""
    return say(request, HTTPStatus.INTERNAL_SERVER_ERROR, code="error", detail=our_fault())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """`CSRF_FAILURE_VIEW`: a form without our token, mostly from a page that is older than the last sign-in."""
    return say(
        request,
        HTTPStatus.FORBIDDEN,
        code="permission_denied",
        detail="CSRF check failed.",
        template="core/csrf_failure.html",
    )


def say(
    request: HttpRequest, status: HTTPStatus, *, code: str, detail: str, template: str | None = None
) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "client_error"
        return JsonResponse({"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}, status=status)
    # Without the request, and so without its user: a page about an error must not fail by asking the database.
    page = render_to_string(template or f"{status.value}.html", {"SITE_NAME": settings.SITE_NAME, "detail": detail})
    return HttpResponse(page, status=status)
