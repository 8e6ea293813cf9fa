from accounts.services.sign_ins import delete_ended_sign_ins
from runtime.threads import in_background_thread


async def task_forget_ended_sign_ins() -> None:
    """Deletes expired sessions and devices that can't be used any more."""
    await in_background_thread(delete_ended_sign_ins)
