"""Renders messages as HTML, and finds the members that they mention."""

from accounts.models import User
from accounts.services.mentions import named_users
from chat.models import GroupChat
from core.markdown import Rendered, render_with_mentions

MAX_MENTIONS = 100  # members whom one message can mention


def render_message(content: str, room: GroupChat) -> Rendered:
    members = User.objects.filter(chat_memberships__group_chat=room)
    return render_with_mentions(content, named_users(content, among=members), most=MAX_MENTIONS)
