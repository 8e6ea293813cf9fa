from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.http import AuthenticatedRequest
from chat.groups import room_feed, user_feed
from chat.models import ChatMember, GroupChat
from chat.permissions import NotOwner, OwnerChanges
from chat.serializers.room import LastReadSerializer, RoomSerializer
from chat.services.rooms import change_room, create_room, delete_room, mark_read
from core.feed_seq import FeedSeqMixin
from core.filters import SearchFilter
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented

ROOM_CHANGES = "120 in an hour"

ModelType = TypeVar("ModelType", bound=Model)


class ChatView(FeedSeqMixin, generics.GenericAPIView[ModelType]):
    """Supplies the feed of the user's room list to views whose responses contain its head."""

    request: AuthenticatedRequest

    def feed(self) -> str:
        """Returns the feed of the user's memberships."""
        return user_feed(self.request.user.pk)


class RoomView(ChatView[ModelType]):
    """A view of one room. Users who aren't members get 404."""

    room_kwarg = "group_chat_pk"

    @cached_property
    def membership(self) -> ChatMember:
        """Returns the user's membership of this room."""
        mine = ChatMember.objects.select_related("group_chat", "user").filter(user=self.request.user)
        return get_object_or_404(mine, group_chat__pk=self.kwargs[self.room_kwarg])

    @property
    def room(self) -> GroupChat:
        return self.membership.group_chat

    def feed(self) -> str:
        return room_feed(self.kwargs[self.room_kwarg])

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "viewer": self.membership}


@documented(
    "Rooms",
    get=Operation(id="listRooms", summary="The rooms I am in", description="Most recently active first."),
    post=Operation(id="createRoom", summary="Open a room", description="Its owner is me.", limit="100 in an hour"),
)
class RoomListView(ChatView[GroupChat], IdempotentCreateMixin[GroupChat], generics.ListCreateAPIView[GroupChat]):
    """Lists the user's rooms, most recently active first; `?search=` searches their titles."""

    filter_backends = [SearchFilter]
    serializer_class = RoomSerializer

    def get_queryset(self) -> QuerySet[GroupChat]:
        return GroupChat.objects.joined_by(self.request.user).with_counts().with_last_message()

    def perform_create(self, serializer: BaseSerializer[GroupChat]) -> None:
        room = create_room(self.request.user, **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=room.pk)


@documented(
    "Rooms",
    get=Operation(id="getRoom", summary="One of my rooms"),
    put=Operation(
        id="replaceRoom", summary="Change a room's title and description", refusals=(NotOwner,), limit=ROOM_CHANGES
    ),
    patch=Operation(
        id="updateRoom", summary="Change a room's title or description", refusals=(NotOwner,), limit=ROOM_CHANGES
    ),
    delete=Operation(
        id="deleteRoom",
        summary="Delete a room with its messages",
        description="Its sockets are closed with 4404.",
        refusals=(NotOwner,),
        limit=ROOM_CHANGES,
    ),
)
class RoomDetailView(RoomView[GroupChat], generics.RetrieveUpdateDestroyAPIView[GroupChat]):
    """One of the user's rooms. Its members may read it; its owners may change and delete it."""

    room_kwarg = "pk"
    permission_classes = [IsAuthenticated, OwnerChanges]
    serializer_class = RoomSerializer

    def get_queryset(self) -> QuerySet[GroupChat]:
        return GroupChat.objects.joined_by(self.request.user).with_counts().with_last_message()

    def perform_update(self, serializer: BaseSerializer[GroupChat]) -> None:
        assert serializer.instance is not None
        change_room(serializer.instance, by=self.request.user, **serializer.validated_data)

    def perform_destroy(self, instance: GroupChat) -> None:
        delete_room(instance, by=self.request.user)


@documented(
    "Rooms",
    post=Operation(
        id="markRoomRead",
        summary="Say how far I have read",
        description="Returns the last read message: the position never moves backward.",
    ),
)
class ReadView(RoomView[GroupChat]):
    """Stores the user's read position."""

    room_kwarg = "pk"
    serializer_class = LastReadSerializer

    @extend_schema(responses={200: LastReadSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        room = self.room  # before the body is checked, so that strangers always get 404
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        read = mark_read(room, message_id=serializer.validated_data["message_id"], user=self.request.user)
        return Response(self.get_serializer({"message_id": read}).data)
