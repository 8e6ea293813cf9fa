"""Finds the text that a user typed into a form that was refused before its view, so that the error page can show it."""

from dataclasses import dataclass

from django.http import HttpRequest

from core.page_account import FIELD

# Fields that the user doesn't type: choices, buttons' values, and the next page.
NOT_TYPED = {"csrfmiddlewaretoken", FIELD, "next", "key", "action", "vote", "chat_role", "hand_over", "all_devices"}
SECRET = ("password", "token")
IDS = ("_id", "id", "-TOTAL_FORMS", "-INITIAL_FORMS")


@dataclass(frozen=True, slots=True)
class TypedText:
    label: str
    text: str


def typed_text(request: HttpRequest) -> list[TypedText]:
    """Returns the typed text of the form without passwords; empty if another site's page sent it."""
    if not _is_from_this_site(request):
        return []
    return [
        TypedText(name.replace("_", " ").capitalize(), text)
        for name, texts in request.POST.lists()
        for text in texts
        if text.strip() and _is_typed(name)
    ]


def _is_typed(name: str) -> bool:
    is_secret = any(word in name.lower() for word in SECRET)
    return not (name in NOT_TYPED or is_secret or name.startswith("_") or name.endswith(IDS))


def _is_from_this_site(request: HttpRequest) -> bool:
    """Returns whether a page of this site sent the form, because other sites must not put text into the error page."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        return False
    return site in {None, "same-origin"}
