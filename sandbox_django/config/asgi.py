"""The ASGI application: HTTP, sockets, and what the server does besides."""

import gc
import os

from django.core.asgi import get_asgi_application

gc.disable()  # what is imported stays: to look for garbage among it took a seventh of the start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
get_asgi_application()  # sets Django up, before anything below imports a model

from channels.routing import ProtocolTypeRouter

from accounts.tasks import task_forget_ended_sign_ins
from assistants.services.ai_service import close_clients, warm_up
from assistants.tasks.assistant_tasks import task_end_abandoned_answers, task_tidy_up
from chat.presence import REFRESH_SECONDS
from chat.tasks.chat_tasks import task_refresh_presence
from config.routing import router
from core.asgi import OneHopHandler, Periodic, ServerLife, SocketDoor
from core.tasks import task_prune
from discussion.tasks.discussion_tasks import task_forget_old_views

life = ServerLife(
    at_start=[warm_up],
    periodic=[
        Periodic(task_end_abandoned_answers, every=5),
        Periodic(task_refresh_presence, every=REFRESH_SECONDS),
        Periodic(task_prune, every=3600),
        Periodic(task_forget_ended_sign_ins, every=3600),
        Periodic(task_tidy_up, every=3600),
        Periodic(task_forget_old_views, every=3600),
    ],
    at_end=[close_clients],
)

application = ProtocolTypeRouter(
    {
        "http": OneHopHandler(life),
        "websocket": SocketDoor(router, life),
        "lifespan": life,
    }
)
gc.enable()
