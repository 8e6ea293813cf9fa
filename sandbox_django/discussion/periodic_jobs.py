from core.periodic import HOUR, Periodic
from discussion.tasks.discussion_tasks import task_forget_old_views

JOBS = [Periodic(task_forget_old_views, every=HOUR)]
