"""Accepts a reply as the topic's answer, and removes this mark."""

from accounts.models import User
from core.errors import Invalid, NotAllowed
from discussion.groups import LIST, topic_feed
from discussion.messages.discussion import AnswerAccepted, AnswerUnaccepted
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.permissions import require_topic_author
from discussion.services.inbox import inboxes_of, notify_of_acceptance
from discussion.services.topics import CHANGES, lock_topic
from live import feeds
from live.feeds import FeedWriter


class NoSuchReply(Invalid):
    field = "reply_id"
    default_detail = "The topic has no such reply."


class OwnReply(NotAllowed):
    default_detail = "You can't accept your own reply."


def accept_answer(topic: DiscussionTopic, *, reply_id: int, by: User) -> DiscussionTopic:
    """Accepts a reply as the answer. It replaces an answer that was accepted before."""
    CHANGES.hit(by.pk)
    author = topic.replies.filter(pk=reply_id).values_list("author_id", flat=True)
    with feeds.write_all([LIST, topic_feed(topic.pk), *inboxes_of(author)]) as writers:
        feeds_ = writers[:2]
        topic = lock_topic(topic.pk)
        require_topic_author(topic, by)
        reply = topic.replies.select_related("author", "topic").filter(pk=reply_id).first()
        if reply is None:
            raise NoSuchReply
        if reply.author_id == by.pk:
            raise OwnReply
        if topic.accepted_answer_id != reply.pk:
            _clear_accepted(topic, feeds_)
            _set_accepted(topic, reply)
            for feed in feeds_:
                feed.publish(AnswerAccepted.of(reply))
            notify_of_acceptance(reply, actor=by)
    return topic


def unaccept_answer(topic: DiscussionTopic, *, by: User) -> DiscussionTopic:
    """Removes the mark from the accepted answer, so that the topic has none."""
    CHANGES.hit(by.pk)
    with feeds.write(LIST, topic_feed(topic.pk)) as feeds_:
        topic = lock_topic(topic.pk)
        require_topic_author(topic, by)
        _clear_accepted(topic, feeds_)
    return topic


def _clear_accepted(topic: DiscussionTopic, feeds_: tuple[FeedWriter, ...]) -> None:
    before = topic.replies.select_related("author", "topic").filter(accepted_in=topic.pk).first()
    if before is not None:
        _set_accepted(topic, None)
        for feed in feeds_:
            feed.publish(AnswerUnaccepted.of(before))


def _set_accepted(topic: DiscussionTopic, reply: DiscussionReply | None) -> None:
    topic.accepted_answer = reply
    topic.save(update_fields=["accepted_answer"])
