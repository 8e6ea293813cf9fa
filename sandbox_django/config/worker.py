"""A worker process, started by bin/worker. It writes the answers to queued questions, hundreds at the same time."""

import asyncio
import os
import signal

import django
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
django.setup()

from django.conf import settings

from config.periodic import JOBS
from core import queue
from core.asgi import Lifespan
from core.features import functions_of
from core.metrics_export import export_metrics
from core.views.metrics import has_token
from runtime import jobs

LAST_JOBS_TIMEOUT = 2.0  # seconds for work that finished jobs have started, such as titles

# Leaves out jobs that maintain the sockets of a process, since a worker has no sockets.
lifespan = Lifespan(at_start=functions_of("at_start"), periodic=[job for job in JOBS if not job.in_each_process])


async def work() -> None:
    stop_event = asyncio.Event()

    def stop() -> None:
        stop_event.set()
        jobs.exit_within(settings.DRAIN_SECONDS + LAST_JOBS_TIMEOUT + jobs.STOP_SECONDS)

    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, stop)
    lifespan.startup()
    probes = await answer_probes()
    await queue.work(
        functions_of("queued_jobs"),
        until=stop_event,
        at_once=settings.WORKER_JOBS,
        grace=settings.DRAIN_SECONDS,
    )
    await lifespan.shutdown(grace=LAST_JOBS_TIMEOUT)
    await queue.close_broker()
    await probes.cleanup()


async def answer_probes() -> web.AppRunner:
    """Serves probes in the worker's own event loop. So a worker whose loop is stuck doesn't respond."""
    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    probes = web.AppRunner(app, access_log=None)
    await probes.setup()
    if settings.WORKER_PORT:
        await web.TCPSite(probes, settings.WORKER_HOST, settings.WORKER_PORT).start()
    return probes


async def healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def metrics(request: web.Request) -> web.Response:
    if not has_token(request.headers.get("Authorization", "")):
        raise web.HTTPNotFound
    return web.Response(body=await export_metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})


if __name__ == "__main__":
    uvloop.run(work())
