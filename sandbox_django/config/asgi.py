"""The ASGI application, which handles HTTP, sockets, and the startup and shutdown of a server."""

import gc
import os

from django.core.asgi import get_asgi_application

gc.disable()  # imported objects are never garbage; looking for garbage took a seventh of the startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
get_asgi_application()  # sets up Django before the imports below load models

from channels.routing import ProtocolTypeRouter

from config.periodic import JOBS
from config.routing import router
from core.asgi import Lifespan, SingleHandoffHandler, WebSocketOriginMiddleware
from core.features import functions_of
from core.views.health import healthz, readyz
from core.views.metrics import metrics

lifespan = Lifespan(at_start=functions_of("at_start"), periodic=JOBS)

application = ProtocolTypeRouter(
    {
        "http": SingleHandoffHandler(lifespan, in_loop={"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}),
        "websocket": WebSocketOriginMiddleware(router, lifespan),
        "lifespan": lifespan,
    }
)
gc.enable()
