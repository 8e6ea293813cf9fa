"""The one spelling of this app's feed and group names."""


def room_feed(room_id: int) -> str:
    return f"chat.room.{room_id}"


def person_feed(user_id: int) -> str:
    """A person's memberships, and nothing else: otherwise everybody in a room would wait for one head."""
    return f"chat.person.{user_id}"


# Every process with an open room list listens here: something happened in a room.
ACTIVITY = "chat.activity"
