from core.models.idempotency import IdempotencyKey
from core.models.periodic import PeriodicJob
from core.models.rate_limit import RateLimitCount

__all__ = ["IdempotencyKey", "PeriodicJob", "RateLimitCount"]
