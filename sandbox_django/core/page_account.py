"""Checks that a page's requests are for the account that the page was rendered for.

All tabs of a browser share one session, so a page of one account could send requests as another account. So every
request of the site's pages contains the page's account, and the server refuses the request if it doesn't match the
session (docs/decisions/0023-pages-name-their-account.md).
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from core.errors import NotAllowed

HEADER = "X-Account"  # the header of requests that a script sends
FIELD = "page_account"  # the form field, which `{% csrf_token %}` renders (core/templatetags/page_forms.py)

SIGNED_OUT = "You've been signed out, so nothing was sent. Copy your text, then sign in again."
SIGNED_IN = "You've signed in since this page was opened, so nothing was sent. Copy your text, then reload the page."
OTHER_ACCOUNT = (
    "You're now signed in with a different account, so nothing was sent. Copy your text, then reload the page."
)


class AccountChanged(NotAllowed):
    """The page was rendered for another account than that of the request's session."""

    default_detail = OTHER_ACCOUNT
    default_code = "account_changed"


def account_id(user: Any) -> str:
    """Returns an opaque id of the account, which is the same in all its sessions. All visitors share one id."""
    name = str(user.pk) if user.is_authenticated else "visitor"
    return salted_hmac("core.page_account", name, algorithm="sha256").hexdigest()[:22]


def check_account(claimed: str | None, user: Any) -> None:
    """Raises `AccountChanged` if `claimed` is the id of another account. It is None for clients other than pages."""
    if claimed is None or constant_time_compare(claimed, account_id(user)):
        return
    if not user.is_authenticated:
        raise AccountChanged(SIGNED_OUT)
    raise AccountChanged(SIGNED_IN if claimed == account_id(AnonymousUser()) else OTHER_ACCOUNT)


def claimed_account(request: HttpRequest) -> str | None:
    """Returns the account of the request's page, from the header or the form's field."""
    claimed = request.headers.get(HEADER)
    is_form = request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}
    if claimed is None and request.method == "POST" and is_form:
        claimed = request.POST.get(FIELD)
    return claimed
