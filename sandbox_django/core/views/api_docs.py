"""The API's documentation as two pages: Swagger, which is interactive, and ReDoc.

Their scripts are in the installed package drf-spectacular-sidecar.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from core.middleware import content_security_policy

# The hashes of the style elements that ReDoc creates: an empty element, which its script fills, and the element for its
# scroll bars. If a new version changes them, the browser reports the new hash in the browser tests.
REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)


@require_safe
@ensure_csrf_cookie  # interactive requests of a signed-in user need the cookie
def swagger(request: HttpRequest) -> HttpResponse:
    return render(request, "core/swagger.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    response = render(request, "core/redoc.html")
    policy = content_security_policy(request).replace("style-src 'self'", f"style-src 'self' {REDOC_STYLES}")
    response["Content-Security-Policy"] = f"{policy}; worker-src blob:"  # ReDoc's search runs in a web worker
    return response
