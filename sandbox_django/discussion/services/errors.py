"""Refusals of the forum's services. Their texts are shown to users."""

from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic


class NotAllowed(Exception):
    """The user may not do this."""


class PostGone(Exception):
    """The topic or the reply has been deleted."""


class NoSuchReply(Exception):
    """The topic has no reply with this id."""


class TopicClosed(Exception):
    """The topic is closed to new replies."""


class HasReplies(Exception):
    """A topic with replies of other users can only be deleted by staff."""


def require_author_or_staff(post: DiscussionTopic | DiscussionReply, by: User) -> None:
    """Raises `NotAllowed` unless the user is the author or staff."""
    if post.author_id != by.pk and not by.is_staff:
        raise NotAllowed("Only the author and staff can do this.")
