"""Permissions of members in a room. For other users the room doesn't exist: the query leaves it out."""

from typing import Any, Protocol

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chat.models import ChatMember, ChatMessage


class InRoom(Protocol):
    """A view that knows what whoever asks is in its room."""

    membership: ChatMember


class OwnerChanges(BasePermission):
    """Members read; the owners change."""

    message = "Only an owner can do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        in_room: InRoom = view
        return request.method in SAFE_METHODS or in_room.membership.owns


class ManagersAdd(BasePermission):
    """Members read; owners and admins add members."""

    message = "Only owners and admins can add members."

    def has_permission(self, request: Request, view: Any) -> bool:
        in_room: InRoom = view
        return request.method in SAFE_METHODS or in_room.membership.may_manage


class ManagersChange(BasePermission):
    """Members read; owners and admins change members who are no more than themselves; all change themselves."""

    message = "Only owners and admins can do this, and to an owner only an owner."

    def has_object_permission(self, request: Request, view: Any, obj: ChatMember) -> bool:
        in_room: InRoom = view
        me = in_room.membership
        return request.method in SAFE_METHODS or me.pk == obj.pk or (me.may_manage and me.chat_role <= obj.chat_role)


class AuthorsChange(BasePermission):
    """Members read; whoever said it changes and deletes it; owners and admins delete it."""

    message = "Only the author can edit this message."

    def has_object_permission(self, request: Request, view: Any, obj: ChatMessage) -> bool:
        in_room: InRoom = view
        may_delete = request.method == "DELETE" and in_room.membership.may_manage
        return request.method in SAFE_METHODS or obj.author_id == request.user.pk or may_delete
