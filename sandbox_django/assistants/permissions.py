"""Permissions on a conversation."""

from typing import Any

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from assistants.models import AssistantConversation


class ConversationOwner(BasePermission):
    """Allows the owner of a conversation. A conversation without owner is open to everyone who has its id."""

    def has_object_permission(self, request: Request, view: Any, obj: AssistantConversation) -> bool:
        if obj.is_anonymous or obj.user_id == request.user.pk:
            return True
        if request.user.is_authenticated:
            raise Http404  # not a 403, which would reveal that the conversation exists
        return False  # 401, so that a page whose session has ended asks the user to sign in again
