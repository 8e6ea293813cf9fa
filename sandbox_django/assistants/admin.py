from functools import partial

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest
from django.utils import timezone

from assistants.models import AssistantConversation, AssistantMessage, TokenSpending
from assistants.models.assistant_message import Status
from assistants.services.conversations import (
    AnswerInProgress,
    NothingToRetry,
    answer_again,
    delete_conversation,
    stop_answer,
)
from assistants.tasks.assistant_tasks import task_end_abandoned_answers
from core.admin import HistoryAdmin, ReadOnlyAdmin, annotated, counted, row_action
from runtime import jobs


@admin.register(AssistantConversation)
class ConversationAdmin(ReadOnlyAdmin[AssistantConversation]):
    actions = ["delete_selected"]
    list_display = ["__str__", "user", "messages", "model", "created_at", "updated_at"]
    list_filter = [("user", admin.EmptyFieldListFilter), "updated_at", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__email__startswith"]
    search_help_text = "The conversation's id, or the beginning of an e-mail."
    ordering = ("-updated_at", "-id")
    fields = ["id", "user", "title", "model", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssistantConversation]:
        messages = counted(AssistantMessage.objects.all(), "conversation")
        return super().get_queryset(request).annotate(message_count=messages)

    messages = annotated("message_count", "messages")

    def delete(self, request: HttpRequest, obj: AssistantConversation) -> None:
        delete_conversation(obj)


def _is_abandoned(message: AssistantMessage) -> bool:
    lease = message.lease_expires_at
    return message.status == Status.STREAMING and lease is not None and lease < timezone.now()


@admin.register(AssistantMessage)
class MessageAdmin(HistoryAdmin[AssistantMessage]):
    """Lists questions and answers without their text, which only a message's own page shows."""

    actions = ["try_again", "stop", "end_abandoned"]
    list_display = ["id", "conversation", "message_type", "status", "error", "model", "length", "created_at"]
    list_filter = ["status", ("error", admin.EmptyFieldListFilter), "message_type", "created_at"]
    list_select_related = ["conversation"]
    search_fields = ["conversation__user__email__startswith"]
    search_help_text = "A message's id, or the beginning of an e-mail."
    fieldsets = (
        (None, {"fields": ("conversation", "message_type", "question", "created_at")}),
        ("What was said", {"fields": ("content",)}),
        ("The answer", {"fields": ("status", "error", "model", "input_tokens", "output_tokens", "quota_key")}),
        ("While it is written", {"fields": ("worker", "lease_expires_at", "stop_requested")}),
    )
    is_private = True
    refusals = {
        AnswerInProgress: "has to wait: another answer of its conversation is being written",
        NothingToRetry: "is not the newest question any more",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssistantMessage]:
        return super().get_queryset(request).annotate(length=Length("content")).defer("content", "content_html")

    length = annotated("length", "characters")

    @row_action(
        "Try again",
        "tried again",
        warning="The model is asked once more, at the site's expense and not from the user's tokens.",
        applies_to=lambda message: message.status == Status.FAILED,
    )
    def try_again(self, request: HttpRequest, message: AssistantMessage) -> None:
        answer_again(message)

    @row_action(
        "Stop",
        "told to stop",
        warning="The text so far stays.",
        applies_to=lambda message: message.status == Status.STREAMING,
    )
    def stop(self, request: HttpRequest, message: AssistantMessage) -> None:
        # On commit, because the answer's writer then changes the row in another transaction.
        transaction.on_commit(partial(stop_answer, message))

    @row_action(
        "End as failed",
        "about to be ended",
        warning="For an answer that no process writes any more. The text so far stays, and the user can retry.",
        applies_to=_is_abandoned,
    )
    def end_abandoned(self, request: HttpRequest, message: AssistantMessage) -> None:
        transaction.on_commit(partial(jobs.start, task_end_abandoned_answers))


@admin.register(TokenSpending)
class TokenSpendingAdmin(HistoryAdmin[TokenSpending]):
    list_display = ["quota_key", "day", "tokens"]
    list_filter = ["day"]
    search_fields = ["quota_key__startswith"]
    search_help_text = "“person 7” for who has this id, or the beginning of an address: “address 203.0.113.”"
    fields = ["quota_key", "day", "tokens", "asked_in_minute"]
