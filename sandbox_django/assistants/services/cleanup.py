"""Deletes conversations on request, and abandoned conversations of visitors."""

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assistants.groups import conversation_feed
from assistants.models import AssistantConversation
from live import feeds, hub
from runtime import jobs

BATCH = 200  # conversations in one transaction


def delete_conversations(conversation_ids: Collection[UUID]) -> None:
    """Deletes conversations with their messages and feeds, and closes their sockets."""
    names = [conversation_feed(pk) for pk in conversation_ids]
    with feeds.write_all(names):
        AssistantConversation.objects.filter(pk__in=conversation_ids).delete()
        feeds.delete(names)
    for name in names:
        transaction.on_commit(partial(jobs.start, hub.reauthorize, name))


def delete_abandoned_conversations() -> int:
    """Deletes visitors' conversations that were inactive for ASSISTANT_ANONYMOUS_DAYS; returns their number."""
    oldest = timezone.now() - timedelta(days=settings.ASSISTANT_ANONYMOUS_DAYS)
    abandoned = AssistantConversation.objects.without_owner().filter(updated_at__lt=oldest).order_by("updated_at")
    deleted = 0
    while batch := list(abandoned.values_list("pk", flat=True)[:BATCH]):
        delete_conversations(batch)
        deleted += len(batch)
    return deleted
