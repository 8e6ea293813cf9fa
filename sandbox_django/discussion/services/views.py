"""Counts the views of topics. Each visitor counts once a day."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from discussion.models import DiscussionTopic, TopicView


def count_view(topic: DiscussionTopic, *, visitor: str) -> None:
    """Counts a view by `visitor` (such as "user 7"), unless that visitor has viewed the topic today."""
    view = TopicView(topic=topic, visitor=visitor, day=timezone.localdate())
    if TopicView.objects.filter(topic=topic, visitor=visitor, day=view.day).exists():
        return
    with transaction.atomic():
        # The lock makes concurrent views run one after the other, so that only the first view of a visitor counts.
        locked = DiscussionTopic.objects.select_for_update(no_key=True).filter(pk=topic.pk)
        if not locked.values_list("pk", flat=True):
            return  # the topic has been deleted
        if TopicView.objects.filter(topic=topic, visitor=visitor, day=view.day).exists():
            return
        view.save(force_insert=True)
        locked.update(view_count=F("view_count") + 1)
    topic.view_count += 1


def archive_old_views() -> int:
    """Replaces the rows of views before yesterday with a count. Returns the number of deleted rows."""
    old = TopicView.objects.filter(day__lt=timezone.localdate() - timedelta(days=1))
    archived = 0
    for topic_id in old.order_by("topic_id").values_list("topic_id", flat=True).distinct():
        with transaction.atomic():
            topic = DiscussionTopic.objects.select_for_update(no_key=True).filter(pk=topic_id)
            if topic.values_list("pk", flat=True):
                count, _ = old.filter(topic_id=topic_id).delete()
                topic.update(old_view_count=F("old_view_count") + count)
                archived += count
    return archived
