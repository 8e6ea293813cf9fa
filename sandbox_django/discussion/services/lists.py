"""Selects and orders the topics of a list."""

import unicodedata

from django.db.models import QuerySet, TextChoices

from accounts.models import User
from discussion.models import DiscussionTopic, Tag
from discussion.services.search import normalized, search_topics


class Sort(TextChoices):
    NEW = "new", "Newest"
    ACTIVE = "active", "Active"
    VOTES = "votes", "Most votes"
    UNANSWERED = "unanswered", "Unanswered"


# Each order has an index of these columns, which the database reads backward.
ORDERS = {
    Sort.NEW: ("-is_pinned", "-created_at", "-pk"),
    Sort.ACTIVE: ("-is_pinned", "-last_activity_at", "-pk"),
    Sort.VOTES: ("-is_pinned", "-vote_count", "-pk"),
    Sort.UNANSWERED: ("-is_pinned", "-created_at", "-pk"),
}


def topics_for(viewer: User | None, *, sort: str = "", tag: str = "", search: str = "") -> QuerySet[DiscussionTopic]:
    """Returns topics with the data that a list shows. Without `sort`, the best matches of a search come first."""
    topics: QuerySet[DiscussionTopic] = DiscussionTopic.objects.for_viewer(viewer)
    if search.strip():
        topics = search_topics(topics, search)
    if sort or not search.strip():
        topics = topics.order_by(*ORDERS[Sort(sort or Sort.NEW)])
    if sort == Sort.UNANSWERED:
        topics = topics.filter(reply_count=0)
    if tag:
        # The tag's id is read first. Then the database knows how many topics have the tag, and chooses the faster plan.
        tag_row = Tag.objects.filter(name=unicodedata.normalize("NFC", normalized(tag)).lower()).first()
        topics = topics.filter(tags=tag_row) if tag_row else topics.none()
    return topics
