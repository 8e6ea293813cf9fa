"""The cleanup jobs of the core."""

from core.idempotency import delete_old_keys
from core.throttling import delete_expired_counts
from live import feeds
from runtime.threads import in_background_thread


async def task_prune() -> None:
    """Deletes old feed events, expired idempotency keys and expired rate limit counts."""
    await in_background_thread(feeds.prune)
    await in_background_thread(delete_old_keys)
    await in_background_thread(delete_expired_counts)
