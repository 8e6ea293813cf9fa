import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone

from assistants.models.assistant_conversation import AssistantConversation, id_from_database, stored_id
from core.dates import aware


class MessageType(models.TextChoices):
    USER = "user", "Question"
    ASSISTANT = "assistant", "Answer"


class Status(models.TextChoices):
    COMPLETE = "complete", "Complete"
    STREAMING = "streaming", "Being written"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


class AskedQuestion(NamedTuple):
    """A question, with the quota keys for which its newest answer counts."""

    content: str
    conversation_id: uuid.UUID
    quota_key: str
    address_key: str
    asked_at: datetime


class EndedAnswer(NamedTuple):
    """The columns of an ended answer that its end event and its charge need."""

    question_id: int
    worker: str
    quota_key: str
    address_key: str
    reserved_tokens: int


class MessageQuerySet(models.QuerySet["AssistantMessage"]):
    def answers(self) -> Self:
        return self.filter(message_type=MessageType.ASSISTANT)

    def streaming(self) -> Self:
        return self.filter(status=Status.STREAMING)

    def waiting(self) -> Self:
        """Returns the queued answers that no worker has started."""
        return self.streaming().filter(worker="")

    def abandoned(self) -> Self:
        """Returns running answers whose worker has stopped renewing the lease."""
        return self.streaming().filter(lease_expires_at__lt=timezone.now())

    # These methods don't use the ORM, which takes several times as long: every question or answer calls them.

    def claim(self, question_id: int, claimant: str, *, lease_expires_at: datetime) -> "AssistantMessage | None":
        """Gives the question's waiting answer to a worker; returns None if another worker has it, or it has ended."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE assistants_assistantmessage SET worker = %s, lease_expires_at = %s "
                "WHERE question_id = %s AND status = 'streaming' AND worker IN ('', %s) "
                "RETURNING id, conversation_id, after_seq, stop_requested, created_at",
                [claimant, connection.ops.adapt_datetimefield_value(lease_expires_at), question_id, claimant],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        pk, conversation_id, after_seq, stop_requested, created_at = row
        return AssistantMessage(
            pk=pk,
            question_id=question_id,
            conversation_id=id_from_database(conversation_id),
            after_seq=after_seq,
            stop_requested=bool(stop_requested),
            created_at=aware(created_at),
        )

    def checkpoint(self, texts: Iterable[tuple[int, str]], *, lease_expires_at: datetime) -> None:
        """Stores the texts of running answers, given as pairs of id and text, and renews the answers' leases."""
        lease = connection.ops.adapt_datetimefield_value(lease_expires_at)
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE assistants_assistantmessage SET content = %s, lease_expires_at = %s "
                "WHERE id = %s AND status = 'streaming'",
                [(text, lease, pk) for pk, text in texts],
            )

    def end(
        self,
        pk: int,
        *,
        status: str,
        error: str,
        content: str,
        content_html: str,
        model: str,
        input_tokens: int | None,
        output_tokens: int | None,
    ) -> EndedAnswer | None:
        """Ends a running answer; returns None if another process has already ended it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE assistants_assistantmessage SET status = %s, error = %s, content = %s, content_html = %s, "
                "model = %s, input_tokens = %s, output_tokens = %s, lease_expires_at = NULL "
                "WHERE id = %s AND status = 'streaming' "
                "RETURNING question_id, worker, spender, address_key, reserved_tokens",
                [status, error, content, content_html, model, input_tokens, output_tokens, pk],
            )
            row = cursor.fetchone()
        return EndedAnswer(*row) if row else None

    def newest_answer(self, conversation_id: uuid.UUID) -> tuple[int, str] | None:
        """Returns the id and status of a conversation's newest answer."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, status FROM assistants_assistantmessage "
                "WHERE conversation_id = %s AND message_type = 'assistant' ORDER BY id DESC LIMIT 1",
                [stored_id(conversation_id)],
            )
            row: tuple[int, str] | None = cursor.fetchone()
        return row

    def count_running(self, quota_key: str, address_key: str) -> tuple[int, int]:
        """Returns the number of running answers for each of the two keys."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(CASE WHEN spender = %s THEN 1 END), COUNT(CASE WHEN address_key = %s THEN 1 END) "
                "FROM assistants_assistantmessage WHERE status = 'streaming' AND (spender = %s OR address_key = %s)",
                [quota_key, address_key, quota_key, address_key],
            )
            own, of_address = cursor.fetchone()
        return own, of_address

    def history(self, conversation_id: uuid.UUID, question_id: int, *, limit: int) -> list[tuple[Any, ...]]:
        """Returns a question and the messages before it, newest first, each with the conversation's model and title."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT message.id, message.content, message.question_id, message.error, "
                "conversation.model, conversation.title "
                "FROM assistants_assistantmessage message "
                "JOIN assistants_assistantconversation conversation ON conversation.id = message.conversation_id "
                "WHERE message.conversation_id = %s AND message.id <= %s ORDER BY message.id DESC LIMIT %s",
                [stored_id(conversation_id), question_id, limit],
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def asked_question(self, question_id: int) -> AskedQuestion | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT question.content, question.conversation_id, answer.spender, answer.address_key, "
                "question.created_at, answer.created_at "
                "FROM assistants_assistantmessage question "
                "LEFT JOIN assistants_assistantmessage answer ON answer.question_id = question.id "
                "WHERE question.id = %s ORDER BY answer.id DESC LIMIT 1",
                [question_id],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        content, conversation_id, quota_key, address_key, stored_at, asked_at = row
        asked_at = aware(asked_at or stored_at)
        return AskedQuestion(content, id_from_database(conversation_id), quota_key or "", address_key or "", asked_at)


class AssistantMessage(models.Model):
    """A question or an answer. A question has several answers if a user chose Retry or Regenerate."""

    conversation = models.ForeignKey(AssistantConversation, on_delete=models.CASCADE, related_name="messages")
    message_type = models.CharField(max_length=10, choices=MessageType.choices)
    question = models.ForeignKey("self", on_delete=models.CASCADE, related_name="answers", null=True, blank=True)
    content = models.TextField(blank=True)
    # Rendered once, when the answer ends, because Markdown takes 10 ms for 3 kB, which is too long for every page view.
    content_html = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETE)
    error = models.CharField(max_length=40, blank=True)  # a stable code, if the answer failed
    model = models.CharField(max_length=100, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # The key of the quota for which an answer counts, and below the tokens reserved until its real cost is known.
    quota_key = models.CharField(max_length=100, blank=True, db_column="spender")
    # The quota that all accounts of an address share. The database default is for processes of the previous release.
    address_key = models.CharField(max_length=100, blank=True, default="", db_default="")
    reserved_tokens = models.PositiveIntegerField(default=0)

    # The following fields are for running answers: the worker, its lease, and whether a user asked to stop the answer.
    # `after_seq` is the sequence number of the event that the answer's text follows, which is usually the question.
    after_seq = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status="streaming"), name="one_answer_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(message_type="user", question=None, status="complete")
                | Q(message_type="assistant", question__isnull=False),
                name="answers_have_a_question",
            ),
        ]
        indexes = [
            models.Index(fields=["conversation", "id"], name="message_order"),
            models.Index(F("lease_expires_at"), condition=Q(status="streaming"), name="message_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.get_message_type_display()} {self.pk}"

    @property
    def is_answer(self) -> bool:
        return self.message_type == MessageType.ASSISTANT
