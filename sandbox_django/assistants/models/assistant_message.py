from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from assistants.models.assistant_conversation import AssistantConversation


class MessageType(models.TextChoices):
    USER = "user", "Question"
    ASSISTANT = "assistant", "Answer"


class Status(models.TextChoices):
    COMPLETE = "complete", "Complete"
    STREAMING = "streaming", "Being written"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


class MessageQuerySet(models.QuerySet["AssistantMessage"]):
    def answers(self) -> Self:
        return self.filter(message_type=MessageType.ASSISTANT)

    def streaming(self) -> Self:
        return self.filter(status=Status.STREAMING)

    def waiting(self) -> Self:
        """Answers that are queued and not started."""
        return self.streaming().filter(worker="")

    def abandoned(self) -> Self:
        """Answers that nobody writes any more: their worker has not renewed its lease."""
        return self.streaming().filter(lease_expires_at__lt=timezone.now())


class AssistantMessage(models.Model):
    """A question, or one attempt at answering it: Retry and Regenerate add an answer to the same question."""

    conversation = models.ForeignKey(AssistantConversation, on_delete=models.CASCADE, related_name="messages")
    message_type = models.CharField(max_length=10, choices=MessageType.choices)
    question = models.ForeignKey("self", on_delete=models.CASCADE, related_name="answers", null=True, blank=True)
    content = models.TextField(blank=True)
    # Rendered once, when the answer ends: Markdown costs 10 ms for 3 kB, too much for every page view.
    content_html = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETE)
    error = models.CharField(max_length=40, blank=True)  # a stable code, for a failed answer
    model = models.CharField(max_length=100, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # Who pays for an answer with their daily tokens, and how many were set aside until its real cost is known.
    quota_key = models.CharField(max_length=100, blank=True, db_column="spender")
    # All accounts of an address share a budget. The database's default is for processes of the version before.
    address_key = models.CharField(max_length=100, blank=True, default="", db_default="")
    reserved_tokens = models.PositiveIntegerField(default=0)

    # While an answer is being written: who writes it, until when that is believed, and whether a reader said stop.
    # The number of the feed's event that its text comes after: the question, mostly.
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
