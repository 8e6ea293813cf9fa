"""The template context of all pages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.features import installed_features
from core.page_account import account_id


def site(request: HttpRequest) -> dict[str, Any]:
    """Adds the product's name, its features, the section of this page (a feature's prefix, "account" or ""), and the
    account.
    """
    return {
        "SITE_NAME": settings.SITE_NAME,
        "features": installed_features(),
        "section": request.path.split("/")[1],
        "page_account": account_id(request.user),
    }
