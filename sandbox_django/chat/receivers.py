"""Receivers that update rooms when an account is deleted or renamed, and the registration of this app's feeds."""

from collections.abc import Collection

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from accounts import feeds as account_feeds
from accounts.models import User
from chat.groups import MEMBERS, MESSAGES, ROOM_FEEDS, USER_FEEDS, room_feed, user_feed
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.services.members import leave_all_rooms
from live import feeds

feeds.register(ROOM_FEEDS, GroupChat)
feeds.register(USER_FEEDS, User)


@account_feeds.register
def feeds_of(user_ids: Collection[int]) -> set[str]:
    rooms = ChatMember.objects.filter(user__in=user_ids).values_list("group_chat_id", flat=True)
    return {*map(user_feed, user_ids), *map(room_feed, rooms)}


@receiver(pre_delete, sender=User)
def leave_rooms(instance: User, **signal: object) -> None:
    leave_all_rooms(instance)


@receiver(post_delete, sender=User)
def remove_name(instance: User, **signal: object) -> None:
    feeds.rewrite_user(instance.pk, MESSAGES, {"sender": None, "sender_name": "", "user_id": None})
    feeds.rewrite_user(instance.pk, MEMBERS, {"user": "", "display_name": ""})


@receiver(post_save, sender=User)
def change_name(instance: User, created: bool, update_fields: Collection[str] | None, **signal: object) -> None:
    if created or (update_fields is not None and "display_name" not in update_fields):
        return
    name = {"user": instance.display_name, "display_name": instance.display_name}
    feeds.rewrite_user(instance.pk, MESSAGES, {"sender": name, "sender_name": instance.display_name})
    feeds.rewrite_user(instance.pk, MEMBERS, name)


@receiver(post_save, sender=ChatMessage)
def touch_room(instance: ChatMessage, created: bool, **signal: object) -> None:
    """Updates the room's activity time when `save()` stores a message. The services insert messages without signals,
    and update this time themselves.
    """
    if created:
        older = GroupChat.objects.filter(pk=instance.group_chat_id, updated_at__lt=instance.created_at)
        older.update(updated_at=instance.created_at)
