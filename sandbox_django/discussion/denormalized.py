"""Defines which rows each counter of the forum counts."""

from django.db.models import Count, F, IntegerField, Max, Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from core.denormalized import DenormalizedCounter
from discussion.models import DiscussionReply, DiscussionTopic, ReplyVote, Tag, TopicView, TopicVote


def _of(rows: QuerySet[Model], owner: str, what: Count | Sum) -> Coalesce:
    grouped = rows.filter(**{owner: OuterRef("pk")}).order_by().values(owner).annotate(number=what).values("number")
    return Coalesce(Subquery(grouped, output_field=IntegerField()), 0)


topics = DiscussionTopic.objects.all()
replies = DiscussionReply.objects.all()
newest_reply = replies.filter(topic=OuterRef("pk")).order_by().values("topic").annotate(newest=Max("created_at"))
last_activity = Greatest("created_at", Coalesce(Subquery(newest_reply.values("newest")), "created_at"))
views = F("old_view_count") + _of(TopicView.objects.all(), "topic", Count("pk"))

COUNTERS = [
    DenormalizedCounter(topics.annotate(expected=_of(TopicVote.objects.all(), "topic", Sum("value"))), "vote_count"),
    DenormalizedCounter(topics.annotate(expected=_of(replies, "topic", Count("pk"))), "reply_count"),
    DenormalizedCounter(topics.annotate(expected=views), "view_count"),
    DenormalizedCounter(topics.annotate(expected=last_activity), "last_activity_at"),
    DenormalizedCounter(replies.annotate(expected=_of(ReplyVote.objects.all(), "reply", Sum("value"))), "vote_count"),
    DenormalizedCounter(Tag.objects.annotate(expected=Count("topics")), "topic_count"),
]
