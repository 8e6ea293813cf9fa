"""The context of every page's frame."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.features import installed_features
from core.page_account import account_id


def site(request: HttpRequest) -> dict[str, Any]:
    """The product's name, its features, the part of it that this page belongs to (a feature's prefix, "account" or
    ""), and the account.
    """
    return {
        "SITE_NAME": settings.SITE_NAME,
        "features": installed_features(),
        "section": request.path.split("/")[1],
        "page_account": account_id(request.user),
    }
