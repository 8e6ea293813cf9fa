"""The names of this app's feeds and groups, and the keys of objects whose text is in feeds.

A service locks all feeds that it writes to at once, before any row: the list, a topic, and inboxes.
"""

LIST = "discussion.list"

# The group for hints about votes and replies of all topics; every process with an open list joins it.
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
