"""What happens in rooms when an account is deleted, and when a message is stored past the services."""

from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver

from accounts.models import User
from chat.models import ChatMessage, GroupChat
from chat.services.members import leave_for_ever


@receiver(pre_delete, sender=User)
def leave_rooms(instance: User, **signal: object) -> None:
    leave_for_ever(instance)


@receiver(post_save, sender=ChatMessage)
def move_room_up(instance: ChatMessage, created: bool, **signal: object) -> None:
    """A message stored by `save()`. The services set the time themselves, and insert without signals."""
    if created:
        older = GroupChat.objects.filter(pk=instance.group_chat_id, updated_at__lt=instance.created_at)
        older.update(updated_at=instance.created_at)
