from accounts.tasks import task_forget_ended_sign_ins
from core.periodic import HOUR, Periodic

JOBS = [Periodic(task_forget_ended_sign_ins, every=HOUR)]
