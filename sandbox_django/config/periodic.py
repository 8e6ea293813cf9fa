"""What web processes and workers do besides their work. Each job runs in one of them at a time."""

from accounts.tasks import task_forget_ended_sign_ins
from assistants.tasks.assistant_tasks import task_end_abandoned_answers, task_requeue_waiting_answers, task_tidy_up
from core.periodic import Periodic
from core.tasks import task_prune
from discussion.tasks.discussion_tasks import task_forget_old_views

HOUR = 3600.0

SITE_JOBS = [
    Periodic(task_end_abandoned_answers, every=5),
    Periodic(task_requeue_waiting_answers, every=5),
    Periodic(task_prune, every=HOUR),
    Periodic(task_forget_ended_sign_ins, every=HOUR),
    Periodic(task_tidy_up, every=HOUR),
    Periodic(task_forget_old_views, every=HOUR),
]
