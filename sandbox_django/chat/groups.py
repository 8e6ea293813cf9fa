"""Names the feeds and groups of rooms, and the keys of objects whose text is stored in feeds."""

ROOM_FEEDS = "chat.room."
USER_FEEDS = "chat.person."


def room_feed(room_id: int) -> str:
    return f"{ROOM_FEEDS}{room_id}"


def user_feed(user_id: int) -> str:
    """Returns the feed of a user's memberships. Activity in rooms isn't in it, since each message would lock the feeds
    of all members.
    """
    return f"{USER_FEEDS}{user_id}"


# The group for hints about activity in any room. Every process with an open room list joins it.
ACTIVITY = "chat.activity"


# Prefixes of object keys (see `LoggedMessage.object_key`).
MESSAGES = "chat.message:"
MEMBERS = "chat.member:"
ROOMS = "chat.room:"


def message_key(message_id: int) -> str:
    return f"{MESSAGES}{message_id}"


def member_key(member_id: int) -> str:
    return f"{MEMBERS}{member_id}"


def room_key(room_id: int) -> str:
    return f"{ROOMS}{room_id}"


def left_room_key(room_id: int) -> str:
    """Returns the key under which a room is stored in the feeds of its former members."""
    return f"{ROOMS}{room_id}:left"
