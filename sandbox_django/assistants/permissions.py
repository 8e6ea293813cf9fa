"""Permissions on a conversation."""

from typing import Any

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from assistants.models import AssistantConversation


class ConversationOwner(BasePermission):
    """The owner may access their conversation; everyone with its id may access one without an owner."""

    def has_object_permission(self, request: Request, view: Any, obj: AssistantConversation) -> bool:
        if obj.is_anonymous or obj.user_id == request.user.pk:
            return True
        if request.user.is_authenticated:
            raise Http404  # objects that the user may not see don't exist for them
        return False  # 401, so that a page whose session has ended asks the user to sign in again
