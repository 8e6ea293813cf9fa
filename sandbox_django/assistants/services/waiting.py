"""Claims queued answers for a worker, and finds questions that still wait for a worker."""

import asyncio
import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from assistants.models import AssistantMessage
from assistants.services.answers import WORKER, ActiveAnswer, claim_answer
from runtime.failures import reason_of
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

RETRY_DELAY = 0.5  # seconds between two attempts to claim an answer while the database is down
GRACE = 1.0  # seconds between storing a question and queueing it
BATCH = 500  # questions per call, oldest first


async def claim_when_possible(question_id: int) -> ActiveAnswer | None:
    """Claims the question's answer, with retries while the database is down; returns None if it can't be claimed.

    The queue's job is acknowledged only after the claim, so that a failed claim doesn't lose the question.
    """
    claimant = f"{WORKER}:{uuid.uuid4().hex[:8]}"  # a second job for the same question must not share the claim
    give_up_at = asyncio.get_running_loop().time() + settings.ASSISTANT_WAIT_SECONDS
    while True:
        try:
            return await in_database_thread(claim_answer, question_id, claimant=claimant)
        except (OperationalError, InterfaceError) as failure:
            if asyncio.get_running_loop().time() > give_up_at:
                raise
            logger.warning("claim_delayed", question=question_id, reason=reason_of(failure))
            await asyncio.sleep(RETRY_DELAY)


def waiting_questions() -> list[int]:
    """Returns the ids of questions that no worker has started to answer, the oldest first."""
    waiting = AssistantMessage.objects.waiting().filter(created_at__lt=timezone.now() - timedelta(seconds=GRACE))
    return [pk for pk in waiting.order_by("pk").values_list("question_id", flat=True)[:BATCH] if pk is not None]
