from chat.presence import current_tracker


async def task_refresh_presence() -> None:
    """Renews the presence of this process's open pages, which would expire otherwise."""
    await current_tracker().refresh()
