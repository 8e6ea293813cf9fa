"""The one spelling of this app's feed and group names, and of the keys of objects whose text is in feeds.

All feeds that a service writes to are locked at once, before any row: the list, a topic, and inboxes.
"""

LIST = "discussion.list"

# Every process with an open list listens here: a topic has other votes, or somebody replied.
ACTIVITY = "discussion.activity"


TOPIC_FEEDS = "discussion.topic."
INBOXES = "inbox."


def topic_feed(topic_id: int) -> str:
    return f"{TOPIC_FEEDS}{topic_id}"


def inbox_feed(user_id: int) -> str:
    return f"{INBOXES}{user_id}"


# Prefixes of object keys, see `LoggedMessage.object_key`.
TOPICS = "discussion.topic:"
REPLIES = "discussion.reply:"


def topic_key(topic_id: int) -> str:
    return f"{TOPICS}{topic_id}"


def reply_key(reply_id: int) -> str:
    return f"{REPLIES}{reply_id}"
