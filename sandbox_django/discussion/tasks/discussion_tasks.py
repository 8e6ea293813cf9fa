from discussion.services.views import archive_old_views
from runtime.threads import in_background_thread


async def task_forget_old_views() -> None:
    """Replaces the views of past days with a count. This also deletes the identities of the visitors."""
    await in_background_thread(archive_old_views)
