"""Finds the users whom a text may mention. core/markdown.py then decides which of these names are mentions."""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from core.markdown_rules import mention_places, name_key, possible_names

MAX_FOUND = 200  # users, since many may share a name


def named_users(content: str, *, among: QuerySet[User]) -> dict[str, list[int]]:
    """Maps the key of each name that follows an @ in the text to the ids of the users with this name."""
    names = {name for place in mention_places(content) for name in possible_names(content, place)}
    if not names:
        return {}
    keys = {name_key(name) for name in names}
    found = among.annotate(lower_name=Lower("display_name")).filter(lower_name__in=_lower_names(names))
    users: dict[str, list[int]] = {}
    for user_id, name in found.order_by("pk").values_list("pk", "display_name")[:MAX_FOUND]:
        if name_key(name) in keys:
            users.setdefault(name_key(name), []).append(user_id)
    return users


def _lower_names(names: set[str]) -> set[str]:
    # SQLite's LOWER only handles ASCII, so the query also compares other spellings of a name ("Émile", "émile").
    spellings = {form for name in names for form in (name, name.lower(), name.title(), name.upper())}
    return {form.lower() for form in spellings} | {_ascii_lower(form) for form in spellings if not form.isascii()}


def _ascii_lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)
