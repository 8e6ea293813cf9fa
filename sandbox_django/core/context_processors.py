"""What every page's frame needs."""

from django.conf import settings
from django.http import HttpRequest

from core.page_account import account_id


def site(request: HttpRequest) -> dict[str, str]:
    """The product's name, which part of it this page belongs to ("chat", "assistants", … or ""), and the account."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "section": request.path.split("/")[1],
        "page_account": account_id(request.user),
    }
