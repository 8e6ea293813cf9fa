"""Names the feeds and groups of the forum, and the keys of objects whose text is stored in feeds.

A service first locks every feed that it will write to, in one step. Only then does it lock or write other rows.
"""

LIST = "discussion.list"

# The group for hints about the votes and replies of all topics. Every process with an open list joins it.
ACTIVITY = "discussion.activity"


TOPIC_FEEDS = "discussion.topic."
INBOXES = "inbox."


def topic_feed(topic_id: int) -> str:
    return f"{TOPIC_FEEDS}{topic_id}"


def inbox_feed(user_id: int) -> str:
    return f"{INBOXES}{user_id}"


# Prefixes of object keys (see `LoggedMessage.object_key`).
TOPICS = "discussion.topic:"
REPLIES = "discussion.reply:"


def topic_key(topic_id: int) -> str:
    return f"{TOPICS}{topic_id}"


def reply_key(reply_id: int) -> str:
    return f"{REPLIES}{reply_id}"
