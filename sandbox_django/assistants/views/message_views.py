from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.http import AuthenticatedRequest
from assistants.groups import conversation_feed
from assistants.models import AssistantConversation, AssistantMessage
from assistants.serializers.message import (
    AnswerSerializer,
    AssistantMessageSerializer,
    QuestionSerializer,
    StoredQuestionSerializer,
)
from assistants.services.conversations import answer_again, post_message, stop_answer
from assistants.services.quotas import QuotaHolder
from core.feed_seq import FeedSeqMixin
from core.idempotency import IdempotentCreateMixin
from core.pagination import OldestFirstPagination
from core.raw_rows import find_or_404
from core.throttling import address_of


class ConversationMessagesView(generics.GenericAPIView[AssistantMessage]):
    """Base of all views of a conversation's messages."""

    request: AuthenticatedRequest
    serializer_class = AssistantMessageSerializer
    pagination_class = OldestFirstPagination

    def get_queryset(self) -> QuerySet[AssistantMessage]:
        return self.conversation.messages.select_related("question")

    @cached_property
    def conversation(self) -> AssistantConversation:
        return find_or_404(AssistantConversation, id=self.kwargs["conversation_pk"], user_id=self.owner_id)

    @property
    def owner_id(self) -> int | None:
        """The owner of the conversation: the user."""
        return self.request.user.pk

    @property
    def quota_holder(self) -> QuotaHolder:
        return QuotaHolder.of(self.request.user, address_of(self.request))


class AnonymousMessagesView(ConversationMessagesView):
    """Base of the same views for conversations without owner: public to clients that have the id."""

    permission_classes = [AllowAny]

    owner_id = None


class MessageListView(
    FeedSeqMixin,
    ConversationMessagesView,
    IdempotentCreateMixin[AssistantMessage],
    generics.ListCreateAPIView[AssistantMessage],
):
    """The messages of one of the user's conversations, oldest first; posting one asks the assistant."""

    def get_serializer_class(self) -> type[BaseSerializer[AssistantMessage]]:
        return QuestionSerializer if self.request.method == "POST" else AssistantMessageSerializer

    @extend_schema(request=QuestionSerializer, responses={201: StoredQuestionSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)

    def feed(self) -> str:
        return conversation_feed(self.kwargs["conversation_pk"])

    def check_url_object(self) -> object:
        return self.conversation

    def perform_create(self, serializer: BaseSerializer[AssistantMessage]) -> None:
        content = serializer.validated_data["content"]
        serializer.instance = post_message(self.conversation, content=content, quota_holder=self.quota_holder)


class MessageDetailView(ConversationMessagesView, generics.RetrieveAPIView[AssistantMessage]):
    """One message."""


class StopView(ConversationMessagesView):
    """Stops the running answer; the text so far stays."""

    @extend_schema(request=None, responses={202: AnswerSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = stop_answer(self.get_object())
        return Response(self.get_serializer(answer).data, status=status.HTTP_202_ACCEPTED)


class AnswerAgainView(ConversationMessagesView):
    """Retry or regenerate: answers the newest question again. Earlier answers stay."""

    @extend_schema(request=None, responses={202: AnswerSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = answer_again(self.get_object(), quota_holder=self.quota_holder)
        return Response(self.get_serializer(answer).data, status=status.HTTP_202_ACCEPTED)


class AnonymousMessageListView(AnonymousMessagesView, MessageListView):
    """The messages of a conversation without owner, oldest first; posting one asks the assistant."""


class AnonymousMessageDetailView(AnonymousMessagesView, MessageDetailView):
    """One message of a conversation without owner."""


class AnonymousStopView(AnonymousMessagesView, StopView):
    """Stops the running answer of a conversation without owner."""


class AnonymousAnswerAgainView(AnonymousMessagesView, AnswerAgainView):
    """Answers the newest question of a conversation without owner again."""
