"""What happens in the forum when a reply is stored past the services."""

from django.db.models.signals import post_save
from django.dispatch import receiver

from discussion.models import DiscussionReply, DiscussionTopic


@receiver(post_save, sender=DiscussionReply)
def move_topic_up(instance: DiscussionReply, created: bool, **signal: object) -> None:
    """A reply stored by `save()`. The services set the time themselves, and insert without signals."""
    if created:
        older = DiscussionTopic.objects.filter(pk=instance.topic_id, last_activity_at__lt=instance.created_at)
        older.update(last_activity_at=instance.created_at)
