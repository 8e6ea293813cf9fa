"""Who may do what in a room. Whether they are in it is the query's business: for strangers it does not exist."""

from typing import Any, Protocol

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chat.models import ChatMember


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
