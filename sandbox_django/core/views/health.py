"""What a load balancer asks. `/healthz`: is the process alive; `/readyz`: should it get traffic."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial

import structlog
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import runner
from core.live.layers import live_layer

logger = structlog.get_logger(__name__)

ROUND_TRIP_SECONDS = 2.0


class NotReady(Exception):
    pass


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """Runs in the event loop and needs no thread and no database: a restart would bring neither back."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    checks = {
        name: passes(name, check)
        for name, check in (
            ("database", database_answers),
            ("migrations", migrations_are_applied),
            ("channelLayer", partial(runner.run, frame_comes_back)),
        )
    }
    ready = all(checks.values())
    return JsonResponse(
        {
            "status": "ready" if ready else "not ready",
            "checks": {name: "ok" if ok else "failed" for name, ok in checks.items()},
        },
        status=200 if ready else 503,
    )


def passes(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as failure:  # noqa: BLE001  # whatever it is, the answer is no; why is for the log, not for callers
        logger.warning("not_ready", check=name, error=repr(failure))
        return False
    return True


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache  # of the yes alone: a no is an exception and asked again; what is applied stays so as long as this code runs
def migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady("There are migrations that were not applied.")


async def frame_comes_back() -> None:
    """A frame to a group of our own, over the same layer as everybody's."""
    layer, group = live_layer(), f"ready.{uuid.uuid4().hex}"
    async with asyncio.timeout(ROUND_TRIP_SECONDS):
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        arrival = asyncio.create_task(layer.receive(channel))
        try:
            while not arrival.done():
                # Again until it arrives: Redis may confirm a subscription only after the first one was sent.
                await layer.group_send(group, {"type": "ready"})
                await asyncio.wait({arrival}, timeout=0.2)
            await arrival
        finally:
            arrival.cancel()
            await end_channel(group, channel)


async def end_channel(group: str, channel: str) -> None:
    layer = live_layer()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await layer.group_discard(group, channel)
            # A layer takes a `receive` that is given up for the end of its channel, and knows no other.
            await asyncio.wait_for(layer.receive(channel), timeout=0.01)
