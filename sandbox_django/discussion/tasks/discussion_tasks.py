from discussion.services.views import archive_old_views
from runtime.threads import in_background_thread


async def task_forget_old_views() -> None:
    """Keep the number of those who looked at topics on days that are over, and not who they were."""
    await in_background_thread(archive_old_views)
