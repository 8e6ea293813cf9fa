"""Signal receivers: for visitors who sign in, deleted accounts, and messages that are stored without the services."""

from collections.abc import Collection

from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import feeds as account_feeds
from accounts.models import User
from assistants.groups import CONVERSATIONS, conversation_feed
from assistants.models import AssistantConversation, AssistantMessage
from assistants.services.conversations import claim_conversations
from assistants.visitor_conversations import get_visitor_conversations
from live import feeds

feeds.register(CONVERSATIONS, AssistantConversation)


@account_feeds.register
def feeds_of(user_ids: Collection[int]) -> set[str]:
    conversations = AssistantConversation.objects.filter(user__in=user_ids)
    return {conversation_feed(pk) for pk in conversations.values_list("pk", flat=True)}


@receiver(pre_delete, sender=User)
def delete_feeds(instance: User, **signal: object) -> None:
    """Deletes the feeds of the user's conversations, because only their rows are deleted with the user.

    Open sockets are closed when the user's sessions are deleted.
    """
    if names := feeds_of([instance.pk]):
        feeds.delete(names)


@receiver(user_logged_in)
def claim_visitor_conversations(request: HttpRequest, user: User, **signal: object) -> None:
    """Assigns the visitor conversations of this browser to the user who signs in or registers."""
    claim_conversations(user, get_visitor_conversations(request))


@receiver(post_save, sender=AssistantMessage)
def touch_conversation(instance: AssistantMessage, created: bool, **signal: object) -> None:
    """Updates the conversation's `updated_at` for a message that was stored with `save()`.

    The services store messages without signals, and set `updated_at` themselves.
    """
    if created:
        older = AssistantConversation.objects.filter(pk=instance.conversation_id, updated_at__lt=instance.created_at)
        older.update(updated_at=instance.created_at)
