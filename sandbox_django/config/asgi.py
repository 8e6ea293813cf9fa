"""The ASGI application: HTTP, sockets, and what the server does besides."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
get_asgi_application()  # sets Django up, before anything below imports a model

from channels.routing import ProtocolTypeRouter  # noqa: E402

from accounts.tasks import task_forget_ended_sign_ins  # noqa: E402
from assistants.services.ai_service import close_clients, warm_up  # noqa: E402
from assistants.tasks.assistant_tasks import task_end_abandoned_answers, task_tidy_up  # noqa: E402
from chat.presence import REFRESH_SECONDS  # noqa: E402
from chat.tasks.chat_tasks import task_refresh_presence  # noqa: E402
from config.routing import router  # noqa: E402
from core.asgi import OneHopHandler, Periodic, ServerLife, SocketDoor  # noqa: E402
from core.tasks import task_prune  # noqa: E402
from discussion.tasks.discussion_tasks import task_forget_old_views  # noqa: E402

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
