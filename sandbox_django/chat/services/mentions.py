"""Whom a message names with an @."""

import re

from chat.models import GroupChat

# Not inside a word: that would be an e-mail address.
AT = re.compile(r"(?<!\w)@")
AT_MOST = 100  # places that are looked at


def mentioned_in(content: str, room: GroupChat) -> list[int]:
    """The ids of the members that are named, in order. Names may have spaces; the longest one that fits is meant."""
    places = [match.end() for match in AT.finditer(content)][:AT_MOST]
    if not places:
        return []
    people: dict[str, list[int]] = {}
    for user_id, name in room.members.values_list("user_id", "user__display_name"):
        people.setdefault(name.lower(), []).append(user_id)
    lengths = sorted({len(name) for name in people if name}, reverse=True)
    found: set[int] = set()
    for place in places:
        for length in lengths:
            name = content[place : place + length].lower()
            if name in people and not content[place + length : place + length + 1].isalnum():
                found.update(people[name])
                break
    return sorted(found)
