"""What every page's frame needs."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str]:
    """The product's name, and which part of it this page belongs to ("chat", "assistants", … or "")."""
    return {"SITE_NAME": settings.SITE_NAME, "section": request.path.split("/")[1]}
