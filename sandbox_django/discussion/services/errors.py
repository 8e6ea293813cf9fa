"""Why somebody may not do something. The words are for people."""

from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic


class NotAllowed(Exception):
    """It is not theirs to do."""


class PostGone(Exception):
    """The topic or the reply was deleted meanwhile."""


class NoSuchReply(Exception):
    """The topic has no reply of this id."""


class TopicClosed(Exception):
    """It takes no more replies."""


class HasReplies(Exception):
    """What others have answered is not the author's to delete."""


def require_author_or_staff(post: DiscussionTopic | DiscussionReply, by: User) -> None:
    """Only the author and staff change and delete."""
    if post.author_id != by.pk and not by.is_staff:
        raise NotAllowed("Only the author and staff can do this.")
