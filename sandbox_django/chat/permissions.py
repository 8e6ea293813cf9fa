"""The permissions of a room's members. Other users get 404, because the queries leave the room out.

Views check permissions before they read the body. Services check them again while the room's feed is locked.
"""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import User
from chat.models import ChatMember, ChatMessage
from core.errors import NotAllowed


class NotOwner(NotAllowed):
    default_detail = "Only an owner can do this."


class NotManager(NotAllowed):
    default_detail = "Only owners and admins can do this."


class OwnerProtected(NotAllowed):
    default_detail = "Only an owner can do this to an owner."


class MayNotAddMembers(NotAllowed):
    default_detail = "Only owners and admins can add members."


class NotAuthor(NotAllowed):
    default_detail = "Only the author can edit this message."


class MayNotDelete(NotAllowed):
    default_detail = "Only the author, owners and admins can delete this message."


class NotStaff(NotAllowed):
    default_detail = "Only staff can do this in a room they are not in."


def require_owner(me: ChatMember) -> None:
    if not me.owns:
        raise NotOwner


def require_manager(me: ChatMember, them: ChatMember) -> None:
    """Raises unless `me` may change `them`. Only owners and admins change other members, and only an owner changes an
    owner.
    """
    if not me.may_manage:
        raise NotManager
    if them.chat_role < me.chat_role:
        raise OwnerProtected


def require_may_add(me: ChatMember) -> None:
    if not me.may_manage:
        raise MayNotAddMembers


def require_author(message: ChatMessage, by: User) -> None:
    if message.author_id != by.pk:
        raise NotAuthor


def require_may_delete(message: ChatMessage, me: ChatMember) -> None:
    if message.author_id != me.user_id and not me.may_manage:
        raise MayNotDelete


def require_staff(by: User) -> None:
    if not by.is_staff:
        raise NotStaff


class OwnerChanges(BasePermission):
    """Lets members read the room, and owners change it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in SAFE_METHODS:
            require_owner(view.membership)
        return True


class ManagersAdd(BasePermission):
    """Lets members read the list of members, and owners and admins add members."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in SAFE_METHODS:
            require_may_add(view.membership)
        return True


class ManagersChange(BasePermission):
    """Lets members read all memberships and change their own. Owners and admins may change other memberships."""

    def has_object_permission(self, request: Request, view: Any, obj: ChatMember) -> bool:
        if request.method not in SAFE_METHODS and view.membership.pk != obj.pk:
            require_manager(view.membership, obj)
        return True


class AuthorsChange(BasePermission):
    """Lets members read messages, authors edit and delete their own, and owners and admins delete any message."""

    def has_object_permission(self, request: Request, view: Any, obj: ChatMessage) -> bool:
        if request.method == "DELETE":
            require_may_delete(obj, view.membership)
        elif request.method not in SAFE_METHODS:
            require_author(obj, view.membership.user)
        return True
