"""The server's own housekeeping."""

from core.live import feeds
from core.threads import in_database_thread


async def task_prune() -> None:
    """Forget what nobody will ask for any more."""
    await in_database_thread(feeds.prune)
