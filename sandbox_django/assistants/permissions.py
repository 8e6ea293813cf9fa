"""Who may do what with a conversation."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from assistants.models import AssistantConversation


class ConversationOwner(BasePermission):
    """An owned conversation is its owner's; one without owner is open to whoever holds its id."""

    def has_object_permission(self, request: Request, view: Any, obj: AssistantConversation) -> bool:
        return obj.is_anonymous or obj.user_id == request.user.pk
