"""Permissions of members in a room. For other users the room doesn't exist: the query leaves it out."""

from typing import Any, Protocol

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chat.models import ChatMember, ChatMessage


class InRoom(Protocol):
    """A view that knows the membership of the user."""

    membership: ChatMember


class OwnerChanges(BasePermission):
    """Members may read; owners may change."""

    message = "Only an owner can do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        in_room: InRoom = view
        return request.method in SAFE_METHODS or in_room.membership.owns


class ManagersAdd(BasePermission):
    """Members may read; owners and admins may add members."""

    message = "Only owners and admins can add members."

    def has_permission(self, request: Request, view: Any) -> bool:
        in_room: InRoom = view
        return request.method in SAFE_METHODS or in_room.membership.may_manage


class ManagersChange(BasePermission):
    """Members may read; owners and admins may change members up to their own role; everyone may change themselves."""

    message = "Only owners and admins can do this, and to an owner only an owner."

    def has_object_permission(self, request: Request, view: Any, obj: ChatMember) -> bool:
        in_room: InRoom = view
        me = in_room.membership
        return request.method in SAFE_METHODS or me.pk == obj.pk or (me.may_manage and me.chat_role <= obj.chat_role)


class AuthorsChange(BasePermission):
    """Members may read; authors may edit and delete their messages; owners and admins may delete any."""

    message = "Only the author can edit this message."

    def has_object_permission(self, request: Request, view: Any, obj: ChatMessage) -> bool:
        in_room: InRoom = view
        may_delete = request.method == "DELETE" and in_room.membership.may_manage
        return request.method in SAFE_METHODS or obj.author_id == request.user.pk or may_delete
