"""The metrics for Prometheus. Not public, because they show how busy a site is and where it has problems."""

import ipaddress
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from core.metrics_export import export_metrics


@never_cache
@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Runs in the event loop, so that it responds when the threads are busy."""
    if not may_read(request):
        raise Http404
    return HttpResponse(await export_metrics(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Allows requests with the token, or directly from one of the networks; a proxy may be in one but serves all
    clients.
    """
    if has_token(request.headers.get("Authorization", "")):
        return True
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False  # a Unix socket, which means a proxy
    return any(address in ipaddress.ip_network(network) for network in settings.METRICS_NETWORKS)


def has_token(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    return (
        bool(settings.METRICS_TOKEN)
        and scheme.lower() == "bearer"
        and secrets.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    )
