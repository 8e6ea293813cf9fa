"""Checks that prevent a start, with one line for each problem: setups that seem to work but lose data."""

from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from live.layers import MemoryLayer, live_layer


@register
def check_layer_reaches_all_processes(**given: Any) -> list[CheckMessage]:
    if not isinstance(live_layer(), MemoryLayer):
        return []
    if settings.ASSISTANT_RUNNER == "taskiq":
        hint = "Set REDIS_URL, or ASSISTANT_RUNNER=loop."
        return [
            Error(
                "ASSISTANT_RUNNER=taskiq needs REDIS_URL: without Redis no page receives the workers' answers.",
                hint,
                id="core.E001",
            )
        ]
    if settings.WEB_PROCESSES > 1:
        hint = "Set REDIS_URL, or WEB_PROCESSES=1."
        return [Error("Several processes, but the in-memory layer reaches only one.", hint, id="core.E001")]
    return []


@register
def check_database_is_shared(**given: Any) -> list[CheckMessage]:
    several = settings.WEB_PROCESSES > 1 or settings.ASSISTANT_RUNNER == "taskiq"
    if several and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        hint = "Set DATABASE_URL to a PostgreSQL."
        return [Error("Several processes, but SQLite lets only one of them write at a time.", hint, id="core.E002")]
    return []


@register
def check_layer_keeps_subscriptions(**given: Any) -> list[CheckMessage]:
    backend = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    if backend == "channels_redis.core.RedisChannelLayer" and int(version("redis").partition(".")[0]) >= 8:
        hint = "Use live.layers.RedisLayer, as config/settings/base.py does."
        lossy = "channels_redis.core with redis-py 8 ends quiet listeners after 5 seconds, and drops most of a burst."
        return [Error(lossy, hint, id="core.E003")]
    return []
