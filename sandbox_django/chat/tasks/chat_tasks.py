from chat.presence import current_tracker


async def task_refresh_presence() -> None:
    """Say again who has which room open in this process: what is not said again is forgotten."""
    await current_tracker().refresh()
