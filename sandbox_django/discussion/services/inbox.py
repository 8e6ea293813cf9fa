"""Creates, reads and deletes the notifications of users.

A service that notifies users locks the feeds of their inboxes together with the topic's feed. `inboxes_of` returns the
names of these feeds.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Count, QuerySet

from accounts.models import User
from discussion.groups import inbox_feed
from discussion.messages.inbox import NotificationCreated, NotificationsDeleted, NotificationsRead
from discussion.models import DiscussionReply, DiscussionTopic, Notification
from discussion.models.notification import Kind
from live import feeds


def inboxes_of(user_ids: Iterable[int | None]) -> list[str]:
    """Returns the inbox feeds of these users. Skips None, which stands for a deleted account."""
    return sorted({inbox_feed(user_id) for user_id in user_ids if user_id is not None})


def notify_of_reply(reply: DiscussionReply) -> None:
    """Notifies the topic's author and the mentioned users of a reply."""
    kinds = dict.fromkeys(reply.mentions, Kind.MENTION)
    if reply.topic.author_id is not None:
        kinds[reply.topic.author_id] = Kind.REPLY
    _notify(kinds, topic=reply.topic, reply=reply, actor=reply.author)


def notify_mentioned(
    user_ids: Iterable[int], *, topic: DiscussionTopic, actor: User, reply: DiscussionReply | None = None
) -> None:
    _notify(dict.fromkeys(user_ids, Kind.MENTION), topic=topic, reply=reply, actor=actor)


def notify_of_acceptance(reply: DiscussionReply, *, actor: User) -> None:
    """Notifies the author of a reply that it was accepted. Does so only once per reply."""
    if reply.author_id is not None and not reply.notifications.filter(kind=Kind.ACCEPTED).exists():
        _notify({reply.author_id: Kind.ACCEPTED}, topic=reply.topic, reply=reply, actor=actor)


def mark_read(user: User, ids: Sequence[int] | None = None) -> int:
    """Marks the notifications with these ids as read, or all of them without `ids`. Returns how many stay unread."""
    with feeds.write(inbox_feed(user.pk)) as feed:
        unread = Notification.objects.filter(user=user).unread()
        changed = unread if ids is None else unread.filter(pk__in=ids)
        found = list(changed.values_list("pk", flat=True)) if ids is not None else None
        changed_count = changed.update(is_read=True)
        left = unread.count()
        if changed_count:
            feed.publish(NotificationsRead.of(found, unread_count=left))
    return left


def delete_notifications(notifications: QuerySet[Notification]) -> None:
    """Deletes notifications because the post that they are about is being deleted."""
    by_user: dict[int, list[int]] = {}
    for pk, user_id in notifications.order_by("pk").values_list("pk", "user_id"):
        by_user.setdefault(user_id, []).append(pk)
    if not by_user:
        return
    with feeds.write_all([inbox_feed(user_id) for user_id in by_user]) as inboxes:
        notifications.delete()
        unread = _unread_counts(by_user)
        for inbox, (user_id, ids) in zip(inboxes, by_user.items(), strict=True):
            inbox.publish(NotificationsDeleted.of(ids, unread_count=unread.get(user_id, 0)))


def _notify(
    kinds: Mapping[int, Kind], *, topic: DiscussionTopic, reply: DiscussionReply | None, actor: User | None
) -> None:
    kinds = {user_id: kind for user_id, kind in kinds.items() if actor is None or user_id != actor.pk}
    if not kinds:
        return
    with feeds.write_all([inbox_feed(user_id) for user_id in kinds]) as inboxes:
        created = [
            Notification.objects.create(user_id=user_id, kind=kind, topic=topic, reply=reply, actor=actor)
            for user_id, kind in kinds.items()
        ]
        unread = _unread_counts(kinds)
        for inbox, notification in zip(inboxes, created, strict=True):
            inbox.publish(NotificationCreated.of(notification, unread_count=unread[notification.user_id]))


def _unread_counts(user_ids: Iterable[int]) -> dict[int, int]:
    unread = Notification.objects.unread().filter(user__in=list(user_ids))
    return dict(unread.order_by().values_list("user_id").annotate(count=Count("pk")))
