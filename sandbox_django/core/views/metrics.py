"""The view with the metrics for Prometheus, which isn't public, because they show the site's load and problems."""

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
    """Returns the metrics. Runs in the event loop, so that it also responds when the threads are busy."""
    if not may_read(request):
        raise Http404
    return HttpResponse(await export_metrics(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Allows requests that have the token, or that come directly from one of METRICS_NETWORKS.

    A proxy may be in such a network, but forwards the requests of any client.
    """
    if has_token(request.headers.get("Authorization", "")):
        return True
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False  # a Unix socket has no address; it means that there is a proxy
    return any(address in ipaddress.ip_network(network) for network in settings.METRICS_NETWORKS)


def has_token(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    return (
        bool(settings.METRICS_TOKEN)
        and scheme.lower() == "bearer"
        and secrets.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    )
