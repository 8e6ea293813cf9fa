"""Renders topics and replies as HTML, and finds the users that they mention."""

from accounts.models import User
from accounts.services.mentions import named_users
from core.markdown import Rendered, render_with_mentions

MAX_MENTIONS = 10  # users whom one text can notify


def render_post(content: str) -> Rendered:
    users = User.objects.filter(is_active=True)
    return render_with_mentions(content, named_users(content, among=users), most=MAX_MENTIONS)
