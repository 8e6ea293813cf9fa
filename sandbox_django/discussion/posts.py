"""A topic and its replies as a page draws them: alike."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import User
from discussion.models import DiscussionReply, DiscussionTopic


@dataclass(frozen=True)
class Post:
    """One article of a topic's page, and what whoever reads it may do with it."""

    thing: DiscussionTopic | DiscussionReply
    reader: User

    @property
    def is_topic(self) -> bool:
        return isinstance(self.thing, DiscussionTopic)

    @property
    def is_accepted(self) -> bool:
        return isinstance(self.thing, DiscussionReply) and self.thing.pk is not None and self.thing.is_accepted

    @property
    def anchor(self) -> str:
        return "question" if self.is_topic else f"reply-{self.thing.pk or 0}"

    @property
    def is_mine(self) -> bool:
        return self.thing.author_id == self.reader.pk

    @property
    def may_change(self) -> bool:
        return self.is_mine or self.reader.is_staff

    @property
    def may_accept(self) -> bool:
        return (
            isinstance(self.thing, DiscussionReply)
            and not self.is_mine
            and self.thing.topic.author_id == self.reader.pk
        )

    @property
    def names_me(self) -> bool:
        return self.reader.pk in self.thing.mentions

    @property
    def my_vote(self) -> int:
        return getattr(self.thing, "my_vote", 0)

    @property
    def page(self) -> str:
        return reverse("discussion-detail" if self.is_topic else "discussion-reply", kwargs=self._names)

    @property
    def api(self) -> str:
        if isinstance(self.thing, DiscussionTopic):
            return reverse("discussion-topic-detail", args=[self.thing.pk])
        return reverse("discussion-reply-detail", args=[self.thing.topic_id, self.thing.pk or 0])

    @property
    def _names(self) -> dict[str, Any]:
        if isinstance(self.thing, DiscussionTopic):
            return {"pk": self.thing.pk}
        return {"pk": self.thing.topic_id, "reply_id": self.thing.pk or 0}
