"""Receivers that update the forum when an account is deleted or renamed, and the registration of this app's feeds."""

from collections.abc import Collection
from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from accounts import feeds as account_feeds
from accounts.models import User
from discussion.groups import INBOXES, REPLIES, TOPIC_FEEDS, TOPICS, inbox_feed
from discussion.models import DiscussionReply, DiscussionTopic
from live import feeds

feeds.register(TOPIC_FEEDS, DiscussionTopic)
feeds.register(INBOXES, User)


@account_feeds.register
def feeds_of(user_ids: Collection[int]) -> set[str]:
    return {*map(inbox_feed, user_ids)}


@receiver(pre_delete, sender=User)
def delete_inbox(instance: User, **signal: object) -> None:
    feeds.delete([inbox_feed(instance.pk)])


@receiver(post_delete, sender=User)
def remove_name(instance: User, **signal: object) -> None:
    _rewrite_name(instance, {"author": None, "actor": None, "reply_author": ""})


@receiver(post_save, sender=User)
def change_name(instance: User, created: bool, update_fields: Collection[str] | None, **signal: object) -> None:
    if created or (update_fields is not None and "display_name" not in update_fields):
        return
    name = {"display_name": instance.display_name}
    _rewrite_name(instance, {"author": name, "actor": name, "reply_author": instance.display_name})


def _rewrite_name(user: User, fields: dict[str, Any]) -> None:
    for prefix in (TOPICS, REPLIES):
        feeds.rewrite_user(user.pk, prefix, fields)


@receiver(post_save, sender=DiscussionReply)
def touch_topic(instance: DiscussionReply, created: bool, **signal: object) -> None:
    """Updates the topic's activity time when `save()` stores a reply. The services insert replies without signals, and
    update this time themselves.
    """
    if created:
        older = DiscussionTopic.objects.filter(pk=instance.topic_id, last_activity_at__lt=instance.created_at)
        older.update(last_activity_at=instance.created_at)
