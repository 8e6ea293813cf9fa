from chat.presence import REFRESH_SECONDS
from chat.tasks.chat_tasks import task_refresh_presence
from core.periodic import Periodic

JOBS = [Periodic(task_refresh_presence, every=REFRESH_SECONDS, in_each_process=True)]
