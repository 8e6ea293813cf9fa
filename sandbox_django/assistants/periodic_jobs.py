from assistants.tasks.assistant_tasks import task_end_abandoned_answers, task_requeue_waiting_answers, task_tidy_up
from core.periodic import HOUR, Periodic

JOBS = [
    Periodic(task_end_abandoned_answers, every=5),
    Periodic(task_requeue_waiting_answers, every=5),
    Periodic(task_tidy_up, every=HOUR),
]
