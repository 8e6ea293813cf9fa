"""Health checks for load balancers: `/healthz` returns whether the process is alive, `/readyz` whether it is ready."""

import asyncio
import shutil
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache, partial

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from live.layers import live_layer
from runtime.per_loop import SharedRun
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

ROUND_TRIP_SECONDS = 2.0
CHECK_SECONDS = 4.0  # the time limit of each check, after which it counts as failed
DISK_CHECK_INTERVAL = 30.0  # seconds
MIN_FREE = 16 * 1024 * 1024  # bytes


class NotReady(Exception):
    pass


@never_cache
@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if the event loop runs. Doesn't use the database, which restarting the process would not repair."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if all checks pass, otherwise 503. Concurrent requests share one check, so that they add no load."""
    failed = await failed_checks()
    return JsonResponse(
        {
            "status": "not ready" if failed else "ready",
            "checks": {name: "failed" if name in failed else "ok" for name in CHECKS},
        },
        status=503 if failed else 200,
    )


@SharedRun
async def failed_checks() -> set[str]:
    passed = await asyncio.gather(*[check_passes(name, check) for name, check in CHECKS.items()])
    return {name for name, ok in zip(CHECKS, passed, strict=True) if not ok}


async def check_passes(name: str, check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as failure:  # noqa: BLE001  # any error means "not ready"; only the log has the reason
        logger.warning("not_ready", check=name, error=repr(failure))
        return False
    return True


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache  # Only success is cached, because failures raise. Applied migrations stay applied while this process runs.
def migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady("There are migrations that were not applied.")


class DiskCheck:
    """Checks that the database has free space. Success is cached for some time, because each check writes."""

    def __init__(self) -> None:
        self.passed_at = -DISK_CHECK_INTERVAL

    def __call__(self) -> None:
        if time.monotonic() - self.passed_at < DISK_CHECK_INTERVAL:
            return
        # Writes to a new table, which needs new pages. Existing pages may have space that deleted rows have left.
        temporary = "TEMPORARY" if connection.vendor == "postgresql" else ""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE {temporary} TABLE readyz_probe (id integer)")
                cursor.execute("INSERT INTO readyz_probe VALUES (1)")
            transaction.set_rollback(True)
        # SQLite writes to the disk only at a commit, so its free space is checked directly.
        if connection.vendor == "sqlite" and shutil.disk_usage(settings.DATA_DIR).free < MIN_FREE:
            raise NotReady("The disk is full.")
        self.passed_at = time.monotonic()


disk_has_room = DiskCheck()


async def channel_layer_answers() -> None:
    """Sends a message to a temporary group over the channel layer, and waits until it arrives."""
    layer, group = live_layer(), f"ready.{uuid.uuid4().hex}"
    async with asyncio.timeout(ROUND_TRIP_SECONDS):
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        arrival = asyncio.create_task(layer.receive(channel))
        try:
            while not arrival.done():
                # Sent repeatedly until it arrives, because Redis may confirm the subscription after the first message.
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
    # The layer closes the channel when a `receive` is cancelled. Queued messages are received first, since several may
    # have been sent over a slow layer.
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            while True:
                await asyncio.wait_for(layer.receive(channel), timeout=0.01)


CHECKS: dict[str, Callable[[], Awaitable[None]]] = {
    "database": partial(in_database_thread, database_answers),
    "migrations": partial(in_database_thread, migrations_are_applied),
    "disk": partial(in_database_thread, disk_has_room),
    "channelLayer": channel_layer_answers,
}
