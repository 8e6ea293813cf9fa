from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.filters import SearchFilter
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.http import AuthenticatedRequest
from assistants.models import AssistantConversation
from assistants.serializers.conversation import AnonymousConversationSerializer, ConversationSerializer
from assistants.services.conversations import rename_conversation, start_conversation
from core.idempotency import IdempotentCreateMixin, once


class MyConversationsView(generics.GenericAPIView[AssistantConversation]):
    """Mine only: what is somebody else's does not exist."""

    request: AuthenticatedRequest
    serializer_class = ConversationSerializer

    def get_queryset(self) -> QuerySet[AssistantConversation]:
        return AssistantConversation.objects.owned_by(self.request.user)


class ConversationListView(
    MyConversationsView,
    IdempotentCreateMixin[AssistantConversation],
    generics.ListCreateAPIView[AssistantConversation],
):
    """My conversations, the newest active first; `?search=` looks into their titles."""

    filter_backends = [SearchFilter]
    search_fields = ["title"]

    def perform_create(self, serializer: BaseSerializer[AssistantConversation]) -> None:
        conversation = start_conversation(self.request.user)
        if title := serializer.validated_data.get("title"):
            rename_conversation(conversation, title=title)
        serializer.instance = conversation


class ConversationDetailView(MyConversationsView, generics.RetrieveUpdateDestroyAPIView[AssistantConversation]):
    """One of my conversations: read, rename, delete."""

    lookup_url_kwarg = "conversation_pk"

    def perform_update(self, serializer: BaseSerializer[AssistantConversation]) -> None:
        assert serializer.instance is not None
        if "title" in serializer.validated_data:
            rename_conversation(serializer.instance, title=serializer.validated_data["title"])


class AnonymousConversationView(generics.GenericAPIView[AssistantConversation]):
    """Start a conversation without owner: whoever holds its id may read and write in it."""

    permission_classes = [AllowAny]
    serializer_class = AnonymousConversationSerializer

    @extend_schema(request=None, responses={201: AnonymousConversationSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return once(request, self.start)

    def start(self) -> Response:
        conversation = start_conversation(None)
        return Response(self.get_serializer(conversation).data, status=status.HTTP_201_CREATED)
