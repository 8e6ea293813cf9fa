"""Permissions on a conversation."""

from typing import Any

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from assistants.models import AssistantConversation


class ConversationOwner(BasePermission):
    """An owned conversation is its owner's; one without owner is open to whoever holds its id."""

    def has_object_permission(self, request: Request, view: Any, obj: AssistantConversation) -> bool:
        if obj.is_anonymous or obj.user_id == request.user.pk:
            return True
        if request.user.is_authenticated:
            raise Http404  # what you may not see does not exist
        return False  # 401: a page whose session has ended learns that its person has to sign in again
