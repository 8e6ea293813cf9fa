"""The list of topics, in one of its orders."""

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


# Each as its index has it, read backward.
ORDERS = {
    Sort.NEW: ("-is_pinned", "-created_at", "-pk"),
    Sort.ACTIVE: ("-is_pinned", "-last_activity_at", "-pk"),
    Sort.VOTES: ("-is_pinned", "-vote_count", "-pk"),
    Sort.UNANSWERED: ("-is_pinned", "-created_at", "-pk"),
}


def topics_for(viewer: User | None, *, sort: str = "", tag: str = "", search: str = "") -> QuerySet[DiscussionTopic]:
    """Topics with all that a list shows. What is searched for comes best first, unless a `sort` is asked for."""
    topics: QuerySet[DiscussionTopic] = DiscussionTopic.objects.for_viewer(viewer)
    if search.strip():
        topics = search_topics(topics, search)
    if sort or not search.strip():
        topics = topics.order_by(*ORDERS[Sort(sort or Sort.NEW)])
    if sort == Sort.UNANSWERED:
        topics = topics.filter(reply_count=0)
    if tag:
        # Its id first: then the database knows how many topics have it, and goes the shorter way.
        tag_row = Tag.objects.filter(name=unicodedata.normalize("NFC", normalized(tag)).lower()).first()
        topics = topics.filter(tags=tag_row) if tag_row else topics.none()
    return topics
