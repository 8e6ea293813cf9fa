"""What happens in rooms when somebody's account is deleted, by whatever door."""

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.models import User
from chat.services.members import leave_for_ever


@receiver(pre_delete, sender=User)
def leave_rooms(instance: User, **signal: object) -> None:
    leave_for_ever(instance)
