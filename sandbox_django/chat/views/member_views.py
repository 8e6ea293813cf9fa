from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from chat.models import ChatMember
from chat.permissions import ManagersAdd, ManagersChange, MayNotAddMembers, NotManager, OwnerProtected
from chat.serializers.member import MemberSerializer, RoleSerializer
from chat.services.members import (
    LastOwner,
    MayNotTransfer,
    add_member,
    change_role,
    leave_room,
    remove_member,
    transfer_ownership,
)
from chat.views.room_views import RoomView
from core.idempotency import IdempotentCreateMixin
from core.operations import Operation, documented

MEMBER_CHANGES = "200 in an hour"


class MembersView(RoomView[ChatMember]):
    """Supplies the members of a room to the views below."""

    serializer_class = MemberSerializer

    def get_queryset(self) -> QuerySet[ChatMember]:
        return self.room.members.select_related("user", "group_chat")


@documented(
    "Room members",
    get=Operation(id="listRoomMembers", summary="List members", description="The owners first."),
    post=Operation(
        id="addRoomMember",
        summary="Add a member by e-mail",
        description="`chatRole` is a member's by default. Users can't give a role above their own.",
        refusals=(MayNotAddMembers,),
        limit="200 in an hour",
    ),
)
class MemberListView(MembersView, IdempotentCreateMixin[ChatMember], generics.ListCreateAPIView[ChatMember]):
    """Lists the members of a room, owners first; owners and admins add users by their e-mail."""

    permission_classes = [IsAuthenticated, ManagersAdd]

    def perform_create(self, serializer: BaseSerializer[ChatMember]) -> None:
        serializer.instance = add_member(self.room, by=self.request.user, **serializer.validated_data)


@documented(
    "Room members",
    get=Operation(id="getRoomMember", summary="Get a member"),
    put=Operation(
        id="replaceRoomMember",
        summary="Change a member's role",
        refusals=(NotManager, OwnerProtected, LastOwner),
        limit=MEMBER_CHANGES,
    ),
    patch=Operation(
        id="updateRoomMember",
        summary="Change a member's role",
        refusals=(NotManager, OwnerProtected, LastOwner),
        limit=MEMBER_CHANGES,
    ),
    delete=Operation(
        id="removeRoomMember",
        summary="Remove a member, or leave",
        description="Removing oneself is leaving. The messages stay.",
        refusals=(NotManager, OwnerProtected, LastOwner),
        limit=MEMBER_CHANGES,
    ),
)
@extend_schema_view(
    get=extend_schema(responses=MemberSerializer),
    put=extend_schema(responses=MemberSerializer),
    patch=extend_schema(responses=MemberSerializer),
)
class MemberDetailView(MembersView, generics.RetrieveUpdateDestroyAPIView[ChatMember]):
    """One membership. Owners and admins change its role or delete it. Members delete their own to leave the room."""

    permission_classes = [IsAuthenticated, ManagersChange]
    serializer_class = RoleSerializer

    def perform_update(self, serializer: BaseSerializer[ChatMember]) -> None:
        member = serializer.instance
        assert member is not None
        role = serializer.validated_data.get("chat_role", member.chat_role)
        serializer.instance = change_role(member, chat_role=role, by=self.request.user)

    def perform_destroy(self, instance: ChatMember) -> None:
        if instance.user_id == self.request.user.pk:
            leave_room(self.room, user=self.request.user)
        else:
            remove_member(instance, by=self.request.user)


@documented(
    "Room members",
    post=Operation(
        id="handOverRoom",
        summary="Transfer ownership to a member",
        description="I stay as an admin.",
        refusals=(MayNotTransfer,),
        limit=MEMBER_CHANGES,
    ),
)
class TransferOwnershipView(MembersView):
    """Makes this member the owner in place of the current user."""

    @extend_schema(request=None, responses={200: MemberSerializer})
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        member = transfer_ownership(self.get_object(), by=self.request.user)
        return Response(self.get_serializer(member).data)
