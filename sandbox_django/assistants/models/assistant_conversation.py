import uuid
from typing import Self

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from accounts.models import User
from core.dates import aware
from core.fields import ActivityField, Searchable, SearchTextField
from core.search_text import searchable


class ConversationQuerySet(models.QuerySet["AssistantConversation"]):
    def owned_by(self, user: User) -> Self:
        return self.filter(user=user)

    def without_owner(self) -> Self:
        """Returns visitors' conversations, in which everyone who has the id may read and write."""
        return self.filter(user=None)

    # These methods don't use the ORM, which takes several times as long: every question or answer calls them.

    def activate_if_idle(self, pk: uuid.UUID) -> bool:
        """Moves a conversation to the top of the list, unless an answer is running; returns whether it was moved."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE assistants_assistantconversation SET updated_at = %s WHERE id = %s AND NOT EXISTS "
                "(SELECT 1 FROM assistants_assistantmessage WHERE conversation_id = %s AND status = 'streaming')",
                [now, stored_id(pk), stored_id(pk)],
            )
            return bool(cursor.rowcount)

    def set_generated_title(self, pk: uuid.UUID, title: str) -> "AssistantConversation | None":
        """Stores the title of a conversation without one; returns None if it already has a title or was deleted."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE assistants_assistantconversation SET title = %s, search_text = %s WHERE id = %s AND title = '' "
                "RETURNING model, created_at, updated_at",
                [title, searchable(title), stored_id(pk)],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        model, created_at, updated_at = row
        return AssistantConversation(
            pk=pk, title=title, model=model, created_at=aware(created_at), updated_at=aware(updated_at)
        )


class AssistantConversation(Searchable):
    """A conversation of a user, or of a visitor if `user` is null."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="assistant_conversations",
        null=True,
        blank=True,
    )
    title = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=100, blank=True)  # the chosen model; empty for the site's default
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = ActivityField(editable=False)
    search_text = SearchTextField("title")

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-updated_at"], name="conversation_newest_active"),
            models.Index(fields=["-updated_at", "-id"], name="conversations_by_activity"),  # of all users, for staff
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None


def stored_id(pk: uuid.UUID) -> uuid.UUID | str:
    """Returns a conversation's id as a parameter for SQL."""
    value: uuid.UUID | str = AssistantConversation._meta.pk.get_db_prep_value(pk, connection)
    return value


def id_from_database(value: object) -> uuid.UUID:
    """Returns a conversation's id from the value of a database column."""
    pk: uuid.UUID = AssistantConversation._meta.pk.to_python(value)
    return pk
