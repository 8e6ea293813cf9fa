"""Permissions in the forum. Views check them before they read the body; services check again with the row locked."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import User
from core.errors import NotAllowed
from discussion.models import DiscussionReply, DiscussionTopic


class NotAuthor(NotAllowed):
    default_detail = "Only the author and staff can do this."


class NotStaff(NotAllowed):
    default_detail = "Only staff can close and pin topics."


class NotTopicAuthor(NotAllowed):
    default_detail = "Only the person who asked can accept an answer."


class OwnPost(NotAllowed):
    default_detail = "You can't vote on what you wrote yourself."


def may_change(post: DiscussionTopic | DiscussionReply, by: User) -> bool:
    """Returns whether `by` may change and delete a post: only its author and staff may."""
    return post.author_id == by.pk or by.is_staff


def require_author_or_staff(post: DiscussionTopic | DiscussionReply, by: User) -> None:
    if not may_change(post, by):
        raise NotAuthor


def require_staff(by: User) -> None:
    if not by.is_staff:
        raise NotStaff


def require_topic_author(topic: DiscussionTopic, by: User) -> None:
    if topic.author_id != by.pk:
        raise NotTopicAuthor


def refuse_own_post(post: DiscussionTopic | DiscussionReply, by: User) -> None:
    if post.author_id == by.pk:
        raise OwnPost


class AuthorsAndStaffChange(BasePermission):
    """Lets all users read posts, and authors and staff change and delete them."""

    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic | DiscussionReply) -> bool:
        if request.method not in SAFE_METHODS:
            require_author_or_staff(obj, view.request.user)
        return True


class OnlyStaff(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        require_staff(view.request.user)
        return True


class OnlyTopicAuthor(BasePermission):
    """Lets only the topic's author accept an answer."""

    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic) -> bool:
        require_topic_author(obj, view.request.user)
        return True


class NotOwnPost(BasePermission):
    def has_object_permission(self, request: Request, view: Any, obj: DiscussionTopic | DiscussionReply) -> bool:
        refuse_own_post(obj, view.request.user)
        return True
