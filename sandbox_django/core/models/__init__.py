from core.live.models import Feed, FeedEvent, FeedFloor
from core.models.idempotency import IdempotencyKey
from core.models.periodic import PeriodicJob
from core.models.rate_limit import RateLimitCount

__all__ = ["Feed", "FeedEvent", "FeedFloor", "IdempotencyKey", "PeriodicJob", "RateLimitCount"]
