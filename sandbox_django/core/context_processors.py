"""The template context of all pages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.features import installed_features
from core.page_account import account_id


def site(request: HttpRequest) -> dict[str, Any]:
    """Adds the site's name, its features, the page's section, and the page's account.

    The section is a feature's prefix, "account" or "".
    """
    return {
        "SITE_NAME": settings.SITE_NAME,
        "features": installed_features(),
        "section": request.path.split("/")[1],
        "page_account": account_id(request.user),
    }
