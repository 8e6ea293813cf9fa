from core.periodic import HOUR, Periodic
from core.tasks import task_prune

JOBS = [Periodic(task_prune, every=HOUR)]
