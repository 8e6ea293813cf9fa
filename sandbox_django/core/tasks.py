"""The cleanup jobs of the core."""

from core.idempotency import delete_old_keys
from core.throttling import delete_expired_counts
from live import feeds
from runtime.threads import in_background_thread


async def task_prune() -> None:
    """Deletes expired idempotency keys and rate limit counts."""
    await in_background_thread(feeds.prune)
    await in_background_thread(delete_old_keys)
    await in_background_thread(delete_expired_counts)
