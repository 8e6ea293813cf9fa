"""The server's own housekeeping."""

from core.idempotency import delete_old_keys
from core.throttling import delete_expired_counts
from live import feeds
from runtime.threads import in_background_thread


async def task_prune() -> None:
    """Forget what nobody will ask for any more."""
    await in_background_thread(feeds.prune)
    await in_background_thread(delete_old_keys)
    await in_background_thread(delete_expired_counts)
