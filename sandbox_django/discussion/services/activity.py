"""Sends hints (unnumbered frames) to open pages after the commit. They announce changes that are too frequent for
events.
"""

from functools import partial

from chanx.messages.base import BaseMessage
from django.db import transaction

from discussion.groups import ACTIVITY, topic_feed
from discussion.messages.discussion import TopicActivity, VoteUpdated
from discussion.models import DiscussionReply, DiscussionTopic
from live import hints


def hint_activity(topic: DiscussionTopic) -> None:
    """Sends the topic's new reply count to lists."""
    _send_after_commit(ACTIVITY, f"topic {topic.pk}", TopicActivity.of(topic))


def hint_votes(target: DiscussionTopic | DiscussionReply) -> None:
    """Sends the new number of votes to the topic's pages. If `target` is a topic, also sends it to lists."""
    hint = VoteUpdated.of(target)
    key = f"votes of {hint.payload.target_type} {target.pk}"
    if isinstance(target, DiscussionTopic):
        _send_after_commit(topic_feed(target.pk), key, hint)
        _send_after_commit(ACTIVITY, key, hint)
    else:
        _send_after_commit(topic_feed(target.topic_id), key, hint)


def _send_after_commit(group: str, key: str, hint: BaseMessage) -> None:
    transaction.on_commit(partial(hints.send, group, key, hint))
