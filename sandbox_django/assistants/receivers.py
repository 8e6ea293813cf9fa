"""What the assistant does when somebody turns out to be a person we know."""

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from assistants.browsers import conversations_of_browser
from assistants.services.conversations import claim_conversations


@receiver(user_logged_in)
def keep_what_was_said(request: HttpRequest, user: User, **signal: object) -> None:
    """Whoever signs in or up keeps the conversations that they began as a visitor in this browser."""
    claim_conversations(user, conversations_of_browser(request))
