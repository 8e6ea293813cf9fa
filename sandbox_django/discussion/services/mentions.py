"""Whom a text names with an @."""

import re
from itertools import islice

from django.db.models.functions import Lower

from accounts.models import User

# Not inside a word: that would be an e-mail address.
AT = re.compile(r"(?<!\w)@(?=\w)")
# A name may have spaces and ends with a word: each beginning of what follows an @ that does is looked up.
WORD = re.compile(r"[\w'\u2019.-]*\w")
PLACES = 20  # that are looked at
WORDS = 4  # of a name
PEOPLE = 10  # that one text may call


def mentioned_in(content: str) -> list[int]:
    """The ids of the people who are named. Of names that fit the longest is meant, and all who bear it."""
    candidates = [_names_at(content, match.end()) for match in islice(AT.finditer(content), PLACES)]
    wanted = {name for names in candidates for name in names}
    if not wanted:
        return []
    people: dict[str, list[int]] = {}
    active = User.objects.filter(is_active=True).annotate(name=Lower("display_name")).filter(name__in=wanted)
    for user_id, name in active.order_by("pk").values_list("pk", "name")[: PEOPLE * PLACES]:
        people.setdefault(name, []).append(user_id)
    found: dict[int, None] = {}
    for names in candidates:
        for name in names:
            if name in people:
                found |= dict.fromkeys(people[name])
                break
    return sorted(list(found)[:PEOPLE])


def _names_at(content: str, place: int) -> list[str]:
    """What may be a name there, in lower case, the longest first."""
    text = content[place : place + 80]
    ends = [match.end() for match in WORD.finditer(text.partition("\n")[0])][:WORDS]
    return [text[:end].lower() for end in reversed(ends)]
