from core.live.models import Feed, FeedEvent
from core.models.idempotency import IdempotencyKey

__all__ = ["Feed", "FeedEvent", "IdempotencyKey"]
