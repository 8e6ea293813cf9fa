import uuid
from typing import Self

from django.conf import settings
from django.db import models

from accounts.models import User
from core.fields import ActivityField, Searchable, SearchTextField


class ConversationQuerySet(models.QuerySet["AssistantConversation"]):
    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def without_owner(self) -> Self:
        """Whoever holds the id of one of these may read and write in it."""
        return self.filter(user=None)


class AssistantConversation(Searchable):
    """A person's talk with the assistant, or a visitor's, who is nobody we know."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="assistant_conversations",
        null=True,
        blank=True,
    )
    title = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=100, blank=True)  # who is to answer; empty for the site's own choice
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = ActivityField(editable=False)
    search_text = SearchTextField("title")

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-updated_at"], name="conversation_newest_active"),
            models.Index(fields=["-updated_at", "-id"], name="conversations_by_activity"),  # of everybody, for staff
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None
