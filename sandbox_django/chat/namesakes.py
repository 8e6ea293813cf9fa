"""Finds members of a room who have the same display name, and the short text that distinguishes them.

static/chat/js/namesakes.js does the same in the page for members who are added later.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from chat.models import ChatMember, GroupChat
from core.markdown_rules import name_key

MAX_COMPARED = 1000  # only the members who joined first are compared

UserName = tuple[int, str]


def member_names(room: GroupChat) -> list[UserName]:
    """Returns the ids and display names of the room's members, at most `MAX_COMPARED`."""
    return list(room.members.order_by("pk").values_list("user_id", "user__display_name")[:MAX_COMPARED])


def namesakes(names: Sequence[UserName]) -> dict[int, str]:
    """Returns the users whose name another user has too, as a dict from user id to name."""
    counts = Counter(name_key(name) for _, name in names)
    return {user_id: name for user_id, name in names if counts[name_key(name)] > 1}


def names_of(members: Iterable[ChatMember]) -> list[UserName]:
    return [(member.user_id, member.user.display_name) for member in members]


def full_name(member: ChatMember, *, viewer: ChatMember) -> str:
    """Returns the display name. If another member has the same name, adds the e-mail or the id."""
    name: str = member.user.display_name
    if member.user_id not in namesakes(member_names(member.group_chat)):
        return name
    return f"{name} ({member.user.email if viewer.may_manage else f'#{member.user_id}'})"
