"""Creates, edits, moderates and deletes topics.

Every change of a topic first locks its feed, and then reads the topic again. So concurrent changes run one after the
other.
"""

from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict
from core.throttling import Limit
from discussion.groups import LIST, topic_feed, topic_key
from discussion.messages.discussion import TopicCreated, TopicDeleted, TopicUpdated
from discussion.models import DiscussionTopic, Tag
from discussion.permissions import require_author_or_staff, require_staff
from discussion.services.errors import PostGone
from discussion.services.inbox import delete_notifications, inboxes_of, notify_mentioned
from discussion.services.mentions import render_post
from live import feeds, hub
from runtime import jobs

# There is a limit because every change is sent to all pages that have the list or the topic open.
CHANGES = Limit("discussion changes", times=120, seconds=3600)


class HasReplies(Conflict):
    default_code = "has_replies"
    default_detail = "Because others have replied, only staff can delete this topic."


def create_topic(user: User, *, title: str, content: str, tags: Sequence[str] = ()) -> DiscussionTopic:
    """Creates a topic."""
    count_post(user)
    # Rendered before the list is locked, since rendering takes a while.
    rendered = render_post(content)
    with feeds.write_all([LIST, *inboxes_of(rendered.mentions)]) as (in_list, *_):
        now = timezone.now()
        topic = DiscussionTopic.objects.create(
            author=user,
            title=title,
            content=content,
            content_html=rendered.html,
            mentions=rendered.mentions,
            created_at=now,
            last_activity_at=now,
        )
        _put_tags(topic, tags)
        in_list.publish(TopicCreated.of(topic))
        notify_mentioned(rendered.mentions, topic=topic, actor=user)
    return topic


def edit_topic(
    topic: DiscussionTopic,
    *,
    by: User,
    title: str | None = None,
    content: str | None = None,
    tags: Sequence[str] | None = None,
) -> DiscussionTopic:
    """Edits a topic and keeps the previous version."""
    CHANGES.hit(by.pk)
    rendered = render_post(content) if content is not None else None
    inboxes = inboxes_of(rendered.mentions) if rendered else []
    with feeds.write_all([LIST, topic_feed(topic.pk), *inboxes]) as (in_list, in_topic, *_):
        topic = lock_topic(topic.pk)
        require_author_or_staff(topic, by)
        tags_before = topic.tag_names
        title_now, content_now = (
            new if new is not None else old for new, old in ((title, topic.title), (content, topic.content))
        )
        tags_now = sorted(set(tags)) if tags is not None else tags_before
        if (title_now, content_now, tags_now) == (topic.title, topic.content, tags_before):
            return topic
        now = timezone.now()
        topic.edits.create(editor=by, created_at=now, title=topic.title, content=topic.content, tags=tags_before)
        named_before = topic.mentions
        if rendered is not None:
            topic.content_html, topic.mentions = rendered.html, rendered.mentions
        topic.title, topic.content, topic.edited_at = title_now, content_now, now
        topic.save(update_fields=["title", "content", "content_html", "mentions", "edited_at"])
        _put_tags(topic, tags_now)
        _rewrite_log(topic)
        in_list.publish(TopicUpdated.of(topic))
        in_topic.publish(TopicUpdated.of(topic))
        notify_mentioned(set(topic.mentions) - set(named_before), topic=topic, actor=by)
    return topic


def moderate_topic(topic: DiscussionTopic, *, by: User, **fields: bool) -> DiscussionTopic:
    """Changes `is_closed` or `is_pinned` of a topic on behalf of staff."""
    with feeds.write(LIST, topic_feed(topic.pk)) as (in_list, in_topic):
        topic = lock_topic(topic.pk)
        require_staff(by)
        if any(getattr(topic, name) != value for name, value in fields.items()):
            for name, value in fields.items():
                setattr(topic, name, value)
            topic.save(update_fields=list(fields))
            in_list.publish(TopicUpdated.of(topic))
            in_topic.publish(TopicUpdated.of(topic))
    return topic


def delete_topic(topic: DiscussionTopic, *, by: User) -> None:
    """Deletes a topic with all replies. Its open pages are notified, and their sockets are closed."""
    CHANGES.hit(by.pk)
    name = topic_feed(topic.pk)

    def find_feeds() -> list[str]:
        return [LIST, name, *inboxes_of(topic.notifications.values_list("user_id", flat=True))]

    with feeds.write_found(find_feeds) as writers:
        in_list, in_topic = writers[LIST], writers[name]
        topic = lock_topic(topic.pk)
        require_author_or_staff(topic, by)
        if topic.reply_count and not by.is_staff:
            raise HasReplies
        # Waits for votes on the replies that are being stored.
        list(topic.replies.select_for_update().order_by("pk").values_list("pk"))
        delete_notifications(topic.notifications.all())
        _put_tags(topic, [])
        in_list.publish(TopicDeleted.of(topic))
        # This event stays in the topic's feed for open pages. Pruning deletes the feed later.
        in_topic.clear()
        in_topic.publish(TopicDeleted.of(topic))
        feeds.rewrite(
            topic_key(topic.pk),
            {"title": "", "topic_title": "", "content": "", "content_html": "", "mentions": [], "tags": []},
        )
        DiscussionTopic.objects.filter(pk=topic.pk).delete()
    transaction.on_commit(partial(jobs.start, hub.reauthorize, topic_feed(topic.pk)))


def _rewrite_log(topic: DiscussionTopic) -> None:
    """Rewrites the frames in the feeds of the list, the topic and notified users. Earlier versions stay in the edit
    history.
    """
    names = ("title", "content", "content_html", "mentions", "is_edited", "edited_at")
    texts = {name: getattr(topic, name) for name in names}
    feeds.rewrite(topic_key(topic.pk), texts | {"topic_title": topic.title, "tags": topic.tag_names})


def count_post(user: User) -> None:
    """Counts new topics and replies against one limit. Raises `RateLimited`."""
    Limit("discussion posts", settings.DISCUSSION_POSTS_PER_HOUR, 3600).hit(user.pk)


def lock_topic(topic_id: int) -> DiscussionTopic:
    """Locks the topic's row and returns the topic. Raises `PostGone` if it was deleted."""
    locked = DiscussionTopic.objects.select_for_update(of=("self",)).select_related("author")
    topic = locked.prefetch_related("tags").filter(pk=topic_id).first()
    if topic is None:
        raise PostGone
    return topic


def _put_tags(topic: DiscussionTopic, names: Sequence[str]) -> None:
    # The caller holds the lock of the list's feed, so two changes of tags can't deadlock.
    before, now = set(topic.tag_names), set(names)
    if before == now:
        return
    Tag.objects.bulk_create([Tag(name=name) for name in now], ignore_conflicts=True)
    Tag.objects.filter(name__in=now - before).update(topic_count=F("topic_count") + 1)
    Tag.objects.filter(name__in=before - now).update(topic_count=F("topic_count") - 1)
    topic.tags.set(Tag.objects.filter(name__in=now))
