from chanx.core.decorators import channel

from accounts.models import User
from discussion.groups import inbox_feed
from discussion.messages.inbox import NotificationCreated, NotificationsDeleted, NotificationsRead
from live.authenticator import LiveAuthenticator
from live.consumer import LiveConsumer


class OwnerAuthenticator(LiveAuthenticator):
    """Authenticates a signed-in user, who receives the updates of their own inbox."""

    user: User


@channel(name="inbox", description="The user's notifications, live", tags=["discussion"])
class InboxConsumer(LiveConsumer):
    """Keeps the inbox of one user up to date, on any of their pages."""

    authenticator_class = OwnerAuthenticator
    authenticator: OwnerAuthenticator
    emits = [NotificationCreated, NotificationsRead, NotificationsDeleted]

    def feed(self) -> str:
        return inbox_feed(self.authenticator.user.pk)
