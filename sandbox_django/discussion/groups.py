"""The one spelling of this app's feed and group names.

Feeds are locked in the order of their names, also one inside the other: the list, then a topic, then inboxes.
"""

LIST = "discussion.list"

# Every process with an open list listens here: a topic has other votes, or somebody replied.
ACTIVITY = "discussion.activity"


def topic_feed(topic_id: int) -> str:
    return f"discussion.topic.{topic_id}"


def inbox_feed(user_id: int) -> str:
    return f"inbox.{user_id}"
