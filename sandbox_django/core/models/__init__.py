from core.live.models import Feed, FeedEvent
from core.models.idempotency import IdempotencyKey
from core.models.periodic import PeriodicJob

__all__ = ["Feed", "FeedEvent", "IdempotencyKey", "PeriodicJob"]
