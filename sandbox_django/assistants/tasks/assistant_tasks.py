"""Work that goes on after the request: ids in, check that it is still wanted, one call."""

from functools import partial

from assistants.services.answers import claim_answer, end_abandoned_answers, write_answer
from assistants.tasks.ai_service_tasks import task_generate_conversation_title
from core import runner
from core.threads import in_database_thread


async def task_handle_new_assistant_message(user_message_id: int) -> None:
    """Answer a question. Delivered twice, it is answered once."""
    if writing := await in_database_thread(claim_answer, user_message_id):
        title = partial(runner.start, task_generate_conversation_title, user_message_id)
        await write_answer(writing, on_begun=title)


async def task_end_abandoned_answers() -> None:
    """End the answers of workers that died."""
    await end_abandoned_answers()
