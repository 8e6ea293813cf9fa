"""Presents topics and replies to templates, which render both in the same way."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.permissions import OwnPost, may_change


@dataclass(frozen=True)
class PostPresenter:
    """A topic or reply on a topic's page, with the actions that the current user may take."""

    obj: DiscussionTopic | DiscussionReply
    viewer: User

    @property
    def is_topic(self) -> bool:
        return isinstance(self.obj, DiscussionTopic)

    @property
    def is_accepted(self) -> bool:
        return isinstance(self.obj, DiscussionReply) and self.obj.pk is not None and self.obj.is_accepted

    @property
    def anchor(self) -> str:
        return "question" if self.is_topic else f"reply-{self.obj.pk or 0}"

    @property
    def is_mine(self) -> bool:
        return self.obj.author_id == self.viewer.pk

    @property
    def may_change(self) -> bool:
        return may_change(self.obj, self.viewer)

    @property
    def may_accept(self) -> bool:
        return isinstance(self.obj, DiscussionReply) and not self.is_mine and self.obj.topic.author_id == self.viewer.pk

    @property
    def names_me(self) -> bool:
        return self.viewer.pk in self.obj.mentions

    @property
    def my_vote(self) -> int:
        return getattr(self.obj, "my_vote", 0)

    @property
    def vote_refusal(self) -> str:
        """Returns the text on the disabled vote buttons of the user's own posts."""
        return OwnPost.default_detail

    @property
    def page(self) -> str:
        return reverse("discussion-detail" if self.is_topic else "discussion-reply", kwargs=self._names)

    @property
    def api(self) -> str:
        if isinstance(self.obj, DiscussionTopic):
            return reverse("discussion-topic-detail", args=[self.obj.pk])
        return reverse("discussion-reply-detail", args=[self.obj.topic_id, self.obj.pk or 0])

    @property
    def _names(self) -> dict[str, Any]:
        if isinstance(self.obj, DiscussionTopic):
            return {"pk": self.obj.pk}
        return {"pk": self.obj.topic_id, "reply_id": self.obj.pk or 0}
