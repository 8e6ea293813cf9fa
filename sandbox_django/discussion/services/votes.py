"""Stores votes up or down on topics and replies. Each user has one vote per post, and may change or withdraw it."""

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import User
from core.throttling import Limit
from discussion.models import DiscussionReply, DiscussionTopic
from discussion.permissions import refuse_own_post
from discussion.services.activity import hint_votes
from discussion.services.errors import PostGone


def vote_on(target: DiscussionTopic | DiscussionReply, *, value: int, by: User) -> int:
    """Stores the vote 1 or -1 of `by`, or withdraws it if `value` is 0. Returns the new total."""
    Limit("discussion votes", settings.DISCUSSION_VOTES_PER_MINUTE, 60).hit(by.pk)
    with transaction.atomic():
        # The row is locked first, so that concurrent votes run one after the other.
        now = type(target).objects.select_for_update(no_key=True).filter(pk=target.pk).first()
        if now is None:
            raise PostGone
        refuse_own_post(now, by)
        mine = now.votes.filter(user=by).first()
        change = value - (mine.value if mine else 0)
        if change == 0:
            return now.vote_count
        if mine is None:
            now.votes.create(user=by, value=value)
        elif value == 0:
            mine.delete()
        else:
            mine.value = value
            mine.save(update_fields=["value"])
        type(target).objects.filter(pk=now.pk).update(vote_count=F("vote_count") + change)
        now.vote_count += change
        hint_votes(now)
    return now.vote_count
