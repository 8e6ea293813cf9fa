from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.http import AuthenticatedRequest
from assistants.models import AssistantConversation
from assistants.serializers.conversation import AnonymousConversationSerializer, ConversationSerializer
from assistants.services.conversations import change_conversation, delete_conversation, start_conversation
from assistants.visitor_conversations import remember_conversation
from core.filters import SearchFilter
from core.idempotency import IdempotentCreateMixin, once
from core.operations import Operation, documented
from core.query_parameters import refuse_unknown_parameters
from core.raw_rows import find_or_404
from core.throttling import Limit, address_of

CONVERSATIONS = "300 in an hour"
CHANGES = "600 changes and deletions in an hour"
STARTING = Limit("conversations", times=300, seconds=3600)
CHANGING = Limit("conversation changes", times=600, seconds=3600)


class MyConversationsView(generics.GenericAPIView[AssistantConversation]):
    """Base class of views for the user's own conversations; another user's conversation gives a 404."""

    request: AuthenticatedRequest
    serializer_class = ConversationSerializer

    def get_queryset(self) -> QuerySet[AssistantConversation]:
        return AssistantConversation.objects.owned_by(self.request.user)


@documented(
    "Assistant",
    get=Operation(id="listConversations", summary="My conversations", description="The last active one first."),
    post=Operation(
        id="createConversation",
        summary="Begin a conversation",
        description="Without a title it gets one after the first answer.",
        limit=CONVERSATIONS,
    ),
)
class ConversationListView(
    MyConversationsView,
    IdempotentCreateMixin[AssistantConversation],
    generics.ListCreateAPIView[AssistantConversation],
):
    """Lists the user's conversations, most recently active first; `?search=` searches their titles."""

    filter_backends = [SearchFilter]

    def perform_create(self, serializer: BaseSerializer[AssistantConversation]) -> None:
        STARTING.hit(self.request.user.pk)
        serializer.instance = start_conversation(self.request.user, **serializer.validated_data)


@documented(
    "Assistant",
    get=Operation(id="getConversation", summary="One of my conversations"),
    put=Operation(
        id="replaceConversation",
        summary="Rename a conversation, or choose its model",
        description="Omitted fields are not changed.",
        limit=CHANGES,
    ),
    patch=Operation(id="updateConversation", summary="Rename a conversation, or choose its model", limit=CHANGES),
    delete=Operation(id="deleteConversation", summary="Delete a conversation with its messages", limit=CHANGES),
)
class ConversationDetailView(MyConversationsView, generics.RetrieveUpdateDestroyAPIView[AssistantConversation]):
    """One of the user's conversations: read, rename, delete."""

    def get_object(self) -> AssistantConversation:
        mine = find_or_404(AssistantConversation, id=self.kwargs["conversation_pk"], user_id=self.request.user.pk)
        self.check_object_permissions(self.request, mine)
        return mine

    def perform_update(self, serializer: BaseSerializer[AssistantConversation]) -> None:
        assert serializer.instance is not None
        CHANGING.hit(self.request.user.pk)
        change_conversation(serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: AssistantConversation) -> None:
        CHANGING.hit(self.request.user.pk)
        delete_conversation(instance)


@documented(
    "Anonymous assistant",
    post=Operation(
        id="createAnonymousConversation",
        summary="Begin a conversation without an account",
        description="Everyone with its `id` may read and write in it. The browser that creates it remembers "
        "it, and a user who signs in there becomes its owner.",
        limit=f"{settings.ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR} in an hour from one address",
    ),
)
class AnonymousConversationView(generics.GenericAPIView[AssistantConversation]):
    """Creates a conversation without an owner: everyone with its id may read and write in it.

    A cookie remembers it in the browser, and a user who signs in there becomes its owner.
    """

    takes_idempotency_key = True
    permission_classes = [AllowAny]
    serializer_class = AnonymousConversationSerializer

    @extend_schema(responses={201: AnonymousConversationSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = once(request, self.start, self.find_created)
        remember_conversation(request, response, UUID(str(response.data["id"])))
        return response

    def find_created(self, object_id: str) -> Any:
        """None if it was deleted, or a user has claimed it."""
        conversation = AssistantConversation.objects.without_owner().filter(pk=object_id).first()
        return None if conversation is None else self.get_serializer(conversation).data

    def start(self) -> Response:
        limit = Limit("visitors' conversations", settings.ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR, 3600)
        limit.hit(address_of(self.request))
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        conversation = start_conversation(None, **serializer.validated_data)
        return Response(self.get_serializer(conversation).data, status=status.HTTP_201_CREATED)


@documented(
    "Assistant",
    get=Operation(id="listModels", summary="The models to choose from", description="The first one is the default."),
)
class ModelListView(APIView):
    """Lists the models for conversations; the first one is the default."""

    permission_classes = [AllowAny]

    @extend_schema(responses={200: {"type": "array", "items": {"type": "string", "examples": ["gpt-4o-mini"]}}})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown_parameters(request, self)
        return Response(settings.ASSISTANT_MODELS)
