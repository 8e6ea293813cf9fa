from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import generics
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.serializers import BaseSerializer

from chat.models import ChatMessage
from chat.permissions import AuthorsChange, MayNotDelete, NotAuthor
from chat.serializers.message import ChatMessageSerializer
from chat.services.messages import delete_message, edit_message, post_message
from chat.services.search import SEARCHES, messages_matching
from chat.views.room_views import RoomView
from core.cpu_bound import renders
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented
from core.pagination import NewestFirstPagination, id_in
from core.search_text import SearchQuery

MESSAGES = f"{settings.CHAT_MESSAGES_PER_MINUTE} messages, edits and deletions in a minute, in all rooms"


@renders
class MessagesView(RoomView[ChatMessage]):
    """Supplies the messages of a room to the views below."""

    serializer_class = ChatMessageSerializer
    pagination_class = NewestFirstPagination

    def get_queryset(self) -> QuerySet[ChatMessage]:
        return self.room.messages.with_senders(self.room)


@documented(
    "Room messages",
    get=Operation(
        id="listRoomMessages",
        summary="List messages",
        description="Newest first, and with `after` ascending. Deleted messages are included without text. "
        "Use only one of `before`, `after` and `offset`. Without a trigram index `search` "
        "compares the newest 50,000 messages, or those before `before`.",
        limit="120 searches in a minute",
    ),
    post=Operation(
        id="sendRoomMessage",
        summary="Say something",
        description="Markdown. An @ and a member's name mentions them.",
        limit=MESSAGES,
    ),
)
class MessageListView(MessagesView, IdempotentCreateMixin[ChatMessage], generics.ListCreateAPIView[ChatMessage]):
    """Lists a room's messages, newest first; deleted messages are included without text."""

    query_parameters = (
        OpenApiParameter("search", description="Only messages with all of these words, in any part of them."),
    )

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        query = SearchQuery.parse(self.request.query_params.get("search", ""))
        if not query:
            return queryset
        SEARCHES.hit(self.request.user.pk)
        return messages_matching(queryset, query, before=id_in(self.request, "before"))

    def perform_create(self, serializer: BaseSerializer[ChatMessage]) -> None:
        serializer.instance = post_message(self.room, by=self.request.user, **serializer.validated_data)


@documented(
    "Room messages",
    get=Operation(id="getRoomMessage", summary="One message"),
    put=Operation(id="replaceRoomMessage", summary="Edit one of my messages", refusals=(NotAuthor,), limit=MESSAGES),
    patch=Operation(id="updateRoomMessage", summary="Edit one of my messages", refusals=(NotAuthor,), limit=MESSAGES),
    delete=Operation(
        id="deleteRoomMessage",
        summary="Delete a message",
        description="Mine, or any if I am an owner or admin.",
        refusals=(MayNotDelete,),
        limit=MESSAGES,
    ),
)
class MessageDetailView(MessagesView, generics.RetrieveUpdateDestroyAPIView[ChatMessage]):
    """One message. Its author edits and deletes it. Owners and admins may delete any message."""

    permission_classes = [IsAuthenticated, AuthorsChange]

    def get_queryset(self) -> QuerySet[ChatMessage]:
        messages = super().get_queryset().select_related("group_chat")
        return messages if self.request.method in SAFE_METHODS else messages.filter(is_deleted=False)

    def perform_update(self, serializer: BaseSerializer[ChatMessage]) -> None:
        message = serializer.instance
        assert message is not None
        content = serializer.validated_data.get("content", message.content)
        serializer.instance = edit_message(message, content=content, by=self.request.user)

    def perform_destroy(self, instance: ChatMessage) -> None:
        delete_message(instance, by=self.request.user)
