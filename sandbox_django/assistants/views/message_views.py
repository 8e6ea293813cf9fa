from typing import Any

from django.conf import settings
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
from assistants.services.conversations import AnswerInProgress, NothingToRetry, answer_again, post_message, stop_answer
from assistants.services.quotas import QuotaHolder
from core.feed_seq import FeedSeqMixin
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented
from core.pagination import OldestFirstPagination
from core.raw_rows import find_or_404
from core.throttling import address_of

ASKING = (
    "The question is stored and returned at once, and the answer is written in the background. Receive it "
    "through the socket `/ws/assistants/{conversationId}/`, or read the messages again until the answer, whose "
    "`questionId` is this question's `id`, has a `status` other than `streaming`."
)
AGAIN_ID = (
    "`messageId` is the question's or that of one of its answers. Earlier answers stay; the new one is given back."
)
STOPPING = "`messageId` is the answer's or its question's. The text so far stays. It can be repeated."
MY_LIMIT = (
    f"{settings.ASSISTANT_QUESTIONS_PER_MINUTE} questions in a minute, {settings.ASSISTANT_ANSWERS_AT_ONCE} answers at "
    f"once and {settings.ASSISTANT_TOKENS_PER_DAY:,} tokens in a day"
)
VISITORS_LIMIT = (
    f"{settings.ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE} questions in a minute, "
    f"{settings.ASSISTANT_ANONYMOUS_ANSWERS_AT_ONCE} answers at once and "
    f"{settings.ASSISTANT_ANONYMOUS_TOKENS_PER_DAY:,} tokens in a day from one address, without signing in"
)
READING = (
    "Oldest first. `before` and `after` page by a message's id, which stays right while messages arrive. Use only one "
    "of them, and no `offset` beside it."
)


class ConversationMessagesView(generics.GenericAPIView[AssistantMessage]):
    """Base class of all views of a conversation's messages."""

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
        """The id of the user, who must own the conversation."""
        return self.request.user.pk

    @property
    def quota_holder(self) -> QuotaHolder:
        return QuotaHolder.of(self.request.user, address_of(self.request))


class AnonymousMessagesView(ConversationMessagesView):
    """Base class of the views for conversations without owner, which are public to clients that have the id."""

    permission_classes = [AllowAny]

    owner_id = None


@documented(
    "Assistant",
    get=Operation(id="listMessages", summary="Read a conversation", description=READING),
    post=Operation(
        id="askQuestion",
        summary="Ask the assistant",
        description=ASKING,
        refusals=(AnswerInProgress,),
        limit=MY_LIMIT,
    ),
)
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


@documented(
    "Assistant",
    get=Operation(id="getMessage", summary="Read a question or an answer"),
)
class MessageDetailView(ConversationMessagesView, generics.RetrieveAPIView[AssistantMessage]):
    """One message."""


@documented(
    "Assistant",
    post=Operation(id="stopAnswer", summary="Stop an answer", description=STOPPING),
)
class StopView(ConversationMessagesView):
    """Stops the running answer; the text so far stays."""

    @extend_schema(request=None, responses={202: AnswerSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = stop_answer(self.get_object())
        return Response(self.get_serializer(answer).data, status=status.HTTP_202_ACCEPTED)


class AnswerAgainView(ConversationMessagesView):
    """Base class of the views that answer the newest question again. Earlier answers are kept."""

    @extend_schema(request=None, responses={202: AnswerSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = answer_again(self.get_object(), quota_holder=self.quota_holder)
        return Response(self.get_serializer(answer).data, status=status.HTTP_202_ACCEPTED)


@documented(
    "Assistant",
    post=Operation(
        id="retryAnswer",
        summary="Try again after an answer failed",
        description=AGAIN_ID,
        refusals=(AnswerInProgress, NothingToRetry),
        limit=MY_LIMIT,
    ),
)
class RetryView(AnswerAgainView):
    """Answers the newest question again, after a failure."""


@documented(
    "Assistant",
    post=Operation(
        id="regenerateAnswer",
        summary="Have another answer written",
        description=AGAIN_ID,
        refusals=(AnswerInProgress, NothingToRetry),
        limit=MY_LIMIT,
    ),
)
class RegenerateView(AnswerAgainView):
    """Answers the newest question once more."""


@documented(
    "Anonymous assistant",
    get=Operation(id="listAnonymousMessages", summary="Read a conversation", description=READING),
    post=Operation(
        id="askAnonymousQuestion",
        summary="Ask the assistant",
        description=ASKING,
        refusals=(AnswerInProgress,),
        limit=VISITORS_LIMIT,
    ),
)
class AnonymousMessageListView(AnonymousMessagesView, MessageListView):
    """The messages of a conversation without owner, oldest first; posting one asks the assistant."""


@documented(
    "Anonymous assistant",
    get=Operation(id="getAnonymousMessage", summary="Read a question or an answer"),
)
class AnonymousMessageDetailView(AnonymousMessagesView, MessageDetailView):
    """One message of a conversation without owner."""


@documented(
    "Anonymous assistant",
    post=Operation(id="stopAnonymousAnswer", summary="Stop an answer", description=STOPPING),
)
class AnonymousStopView(AnonymousMessagesView, StopView):
    """Stops the running answer of a conversation without owner."""


@documented(
    "Anonymous assistant",
    post=Operation(
        id="retryAnonymousAnswer",
        summary="Try again after an answer failed",
        description=AGAIN_ID,
        refusals=(AnswerInProgress, NothingToRetry),
        limit=VISITORS_LIMIT,
    ),
)
class AnonymousRetryView(AnonymousMessagesView, AnswerAgainView):
    """Answers the newest question of a conversation without owner again, after a failure."""


@documented(
    "Anonymous assistant",
    post=Operation(
        id="regenerateAnonymousAnswer",
        summary="Have another answer written",
        description=AGAIN_ID,
        refusals=(AnswerInProgress, NothingToRetry),
        limit=VISITORS_LIMIT,
    ),
)
class AnonymousRegenerateView(AnonymousMessagesView, AnswerAgainView):
    """Answers the newest question of a conversation without owner once more."""
