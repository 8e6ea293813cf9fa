"""Posts, edits and deletes replies."""

from datetime import datetime

from django.db.models import F, Max
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict
from core.raw_rows import insert
from discussion.groups import LIST, reply_key, topic_feed
from discussion.messages.discussion import AnswerUnaccepted, ReplyCreated, ReplyDeleted, ReplyUpdated
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.permissions import require_author_or_staff
from discussion.services.activity import hint_activity
from discussion.services.errors import PostGone
from discussion.services.inbox import delete_notifications, inboxes_of, notify_mentioned, notify_of_reply
from discussion.services.mentions import render_post
from discussion.services.topics import CHANGES, count_post, lock_topic
from live import feeds


class TopicClosed(Conflict):
    default_code = "topic_closed"
    default_detail = "This topic is closed to new replies."


def post_reply(topic: DiscussionTopic, *, content: str, by: User) -> DiscussionReply:
    """Posts a reply to a topic."""
    count_post(by)
    rendered = render_post(content)
    with feeds.write_all([topic_feed(topic.pk), *inboxes_of([topic.author_id, *rendered.mentions])]) as (feed, *_):
        topic = lock_topic(topic.pk)
        if topic.is_closed:
            raise TopicClosed
        now = timezone.now()
        reply = insert(
            DiscussionReply(
                topic=topic,
                author=by,
                content=content,
                content_html=rendered.html,
                mentions=rendered.mentions,
                created_at=now,
            )
        )
        _count_replies(topic, +1, last_activity_at=now)
        feed.publish(ReplyCreated.of(reply))
        notify_of_reply(reply)
    return reply


def edit_reply(reply: DiscussionReply, *, content: str, by: User) -> DiscussionReply:
    """Edits a reply and keeps the previous version."""
    CHANGES.hit(by.pk)
    rendered = render_post(content)
    with feeds.write_all([topic_feed(reply.topic_id), *inboxes_of(rendered.mentions)]) as (feed, *_):
        reply = lock_reply(reply)
        require_author_or_staff(reply, by)
        if reply.content == content:
            return reply
        reply.edited_at = timezone.now()
        reply.edits.create(editor=by, content=reply.content, created_at=reply.edited_at)
        named_before = reply.mentions
        reply.content, reply.content_html, reply.mentions = content, rendered.html, rendered.mentions
        reply.save(update_fields=["content", "content_html", "mentions", "edited_at"])
        names = ("content", "content_html", "mentions", "is_edited", "edited_at")
        feeds.rewrite(reply_key(reply.pk), {name: getattr(reply, name) for name in names})
        feed.publish(ReplyUpdated.of(reply))
        notify_mentioned(set(rendered.mentions) - set(named_before), topic=reply.topic, reply=reply, actor=by)
    return reply


def delete_reply(reply: DiscussionReply, *, by: User) -> None:
    """Deletes a reply with its votes. If it was the accepted answer, the topic no longer has one."""
    CHANGES.hit(by.pk)
    name = topic_feed(reply.topic_id)

    def find_feeds() -> list[str]:
        return [LIST, name, *inboxes_of(reply.notifications.values_list("user_id", flat=True))]

    with feeds.write_found(find_feeds) as writers:
        in_list, in_topic = writers[LIST], writers[name]
        topic = lock_topic(reply.topic_id)
        reply = lock_reply(reply)
        require_author_or_staff(reply, by)
        if topic.accepted_answer_id == reply.pk:
            topic.accepted_answer = None
            topic.save(update_fields=["accepted_answer"])
            in_list.publish(AnswerUnaccepted.of(reply))
            in_topic.publish(AnswerUnaccepted.of(reply))
        delete_notifications(reply.notifications.all())
        DiscussionReply.objects.filter(pk=reply.pk).delete()
        feeds.rewrite(reply_key(reply.pk), {"content": "", "content_html": "", "mentions": []})
        newest = topic.replies.aggregate(newest=Max("created_at"))["newest"]
        _count_replies(topic, -1, last_activity_at=newest or topic.created_at)
        in_topic.publish(ReplyDeleted.of(reply, topic))


def lock_reply(reply: DiscussionReply) -> DiscussionReply:
    """Locks the reply's row and returns the reply. Raises `PostGone` if it was deleted."""
    locked = DiscussionReply.objects.select_for_update(of=("self",)).select_related("author", "topic")
    now = locked.filter(pk=reply.pk).first()
    if now is None:
        raise PostGone
    return now


def _count_replies(topic: DiscussionTopic, change: int, *, last_activity_at: datetime) -> None:
    DiscussionTopic.objects.filter(pk=topic.pk).update(
        reply_count=F("reply_count") + change, last_activity_at=last_activity_at
    )
    topic.reply_count += change
    topic.last_activity_at = last_activity_at
    hint_activity(topic)
