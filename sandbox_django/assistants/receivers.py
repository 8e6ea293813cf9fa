"""Receivers for visitors who sign in, for deleted accounts, and for messages stored without the services."""

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
    """Deletes the feeds of the user's conversations. The rows are deleted with the user, and open pages close with the
    sessions.
    """
    if names := feeds_of([instance.pk]):
        feeds.delete(names)


@receiver(user_logged_in)
def claim_visitor_conversations(request: HttpRequest, user: User, **signal: object) -> None:
    """Assigns the visitor conversations of this browser to the user who signs in or registers."""
    claim_conversations(user, get_visitor_conversations(request))


@receiver(post_save, sender=AssistantMessage)
def touch_conversation(instance: AssistantMessage, created: bool, **signal: object) -> None:
    """Updates the conversation's time for a message stored by `save()`. The services set it themselves, without
    signals.
    """
    if created:
        older = AssistantConversation.objects.filter(pk=instance.conversation_id, updated_at__lt=instance.created_at)
        older.update(updated_at=instance.created_at)
