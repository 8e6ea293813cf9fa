"""Background jobs of the assistant. Each job calls one service, which checks whether the work is still needed."""

from functools import partial

import structlog
from django.conf import settings

from assistants.services.answer_writer import end_abandoned_answers, write_answer
from assistants.services.answers import ActiveAnswer
from assistants.services.cleanup import delete_abandoned_conversations
from assistants.services.quotas import delete_old_days
from assistants.services.waiting import claim_when_possible, waiting_questions
from assistants.tasks.ai_service_tasks import task_generate_conversation_title
from core import queue
from live.layers import LAYER_DOWN, live_layer
from runtime import jobs
from runtime.threads import in_background_thread, in_database_thread

logger = structlog.get_logger(__name__)


async def task_handle_new_assistant_message(user_message_id: int) -> None:
    """Answers a question from the queue. If the job is delivered twice, the question is answered once."""
    if active := await claim_when_possible(user_message_id):
        await task_write_answer(active)


async def task_write_answer(active: ActiveAnswer) -> None:
    """Writes an answer that this process has claimed; at its first words, starts the job for the title."""
    await write_answer(active, on_started=partial(jobs.start, task_generate_conversation_title, active.question_id))


async def task_end_abandoned_answers() -> None:
    """Ends the answers of workers that died."""
    await end_abandoned_answers()


async def task_requeue_waiting_answers() -> None:
    """Queues waiting questions again if their jobs are no longer in the queue, as after a loss of Redis."""
    if settings.ASSISTANT_RUNNER == "taskiq" and (waiting := await in_database_thread(waiting_questions)):
        try:
            queued = await queue.queued_args(task_handle_new_assistant_message)
        except LAYER_DOWN as failure:
            live_layer().outage.failed(failure)
            return  # the next run tries again
        for question_id in waiting:
            if queued is not None and (question_id,) not in queued:
                logger.warning("question_requeued", question=question_id)
                queue.put(task_handle_new_assistant_message, question_id)


async def task_tidy_up() -> None:
    """Deletes abandoned conversations of visitors, and old rows of TokenSpending."""
    await in_background_thread(delete_abandoned_conversations)
    await in_background_thread(delete_old_days)
