"""Members of one room with the same display name, and the short text that tells them apart.

static/chat/js/namesakes.js does the same for members who come later.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from chat.models import ChatMember, GroupChat
from core.markdown_rules import name_key

MAX_COMPARED = 1000  # members of a room, those who came first

UserName = tuple[int, str]


def member_names(room: GroupChat) -> list[UserName]:
    """The ids and display names of the room's members, no more than `MAX_COMPARED`."""
    return list(room.members.order_by("pk").values_list("user_id", "user__display_name")[:MAX_COMPARED])


def namesakes(names: Sequence[UserName]) -> dict[int, str]:
    """Those of the users who share their name with another one, by id."""
    counts = Counter(name_key(name) for _, name in names)
    return {user_id: name for user_id, name in names if counts[name_key(name)] > 1}


def names_of(members: Iterable[ChatMember]) -> list[UserName]:
    return [(member.user_id, member.user.display_name) for member in members]


def full_name(member: ChatMember, *, viewer: ChatMember) -> str:
    """The display name; where another member has it too, followed by the e-mail or the id."""
    name: str = member.user.display_name
    if member.user_id not in namesakes(member_names(member.group_chat)):
        return name
    return f"{name} ({member.user.email if viewer.may_manage else f'#{member.user_id}'})"
