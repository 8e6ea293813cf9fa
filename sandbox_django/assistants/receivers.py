"""What the assistant does when a visitor signs in, and when a message is stored past the services."""

from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from assistants.browsers import conversations_of_browser
from assistants.models import AssistantConversation, AssistantMessage
from assistants.services.conversations import claim_conversations


@receiver(user_logged_in)
def keep_what_was_said(request: HttpRequest, user: User, **signal: object) -> None:
    """Whoever signs in or up keeps the conversations that they began as a visitor in this browser."""
    claim_conversations(user, conversations_of_browser(request))


@receiver(post_save, sender=AssistantMessage)
def move_conversation_up(instance: AssistantMessage, created: bool, **signal: object) -> None:
    """A message stored by `save()`. The services set the time themselves, and insert without signals."""
    if created:
        older = AssistantConversation.objects.filter(pk=instance.conversation_id, updated_at__lt=instance.created_at)
        older.update(updated_at=instance.created_at)
