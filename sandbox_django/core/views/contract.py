"""Two pages about the API: one to try it out, one to read. Their scripts are those of the installed sidecar package."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from core.middleware import content_security_policy


@require_safe
@ensure_csrf_cookie  # requests that are tried out need it, in a browser that is signed in
def swagger(request: HttpRequest) -> HttpResponse:
    return _with_inline_styles(request, render(request, "core/swagger.html"))


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    return _with_inline_styles(request, render(request, "core/redoc.html"))


def _with_inline_styles(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Both viewers write style attributes, and ReDoc style elements; scripts stay as strict as anywhere."""
    policy = content_security_policy(request).replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    response["Content-Security-Policy"] = f"{policy}; worker-src blob:"  # ReDoc searches in a worker
    return response
