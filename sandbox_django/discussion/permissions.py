"""Permissions in the forum, checked before the row is locked. Services check again with the lock."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from discussion.models import DiscussionReply, DiscussionTopic


class AuthorsAndStaffChange(BasePermission):
    """Everyone may read; authors and staff may change and delete."""

    message = "Only the author and staff can do this."

    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic | DiscussionReply) -> bool:
        return request.method in SAFE_METHODS or obj.author_id == request.user.pk or request.user.is_staff


class OnlyStaff(BasePermission):
    message = "Only staff can close and pin topics."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff)


class OnlyTopicAuthor(BasePermission):
    """Only the topic's author may accept an answer."""

    message = "Only the person who asked can accept an answer."

    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic) -> bool:
        return obj.author_id == request.user.pk


class NotOwnPost(BasePermission):
    message = "You can't vote on what you wrote yourself."

    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic | DiscussionReply) -> bool:
        return obj.author_id != request.user.pk
