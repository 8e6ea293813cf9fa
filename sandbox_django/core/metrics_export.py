"""Exports the metrics in `core/metrics.py`: adds up those of all processes when Prometheus scrapes."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import structlog
from django.db import DatabaseError, InterfaceError
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from core.metrics import SHARED, loop_lag, sockets_open, thread_queue
from live.hub import current_hub
from runtime.failures import reason_of
from runtime.metrics import totals
from runtime.per_loop import SharedRun
from runtime.threads import in_database_thread, queue_lengths

logger = structlog.get_logger(__name__)

INTERVAL = 1.0  # seconds
READ_TIMEOUT = 2.0  # seconds for the metrics that are read from the database

_shared: Counter[str] = Counter()
_kinds: set[str] = set()


async def publish_metrics_periodically() -> None:
    """Publishes the counters and the event loop's delay every second while the process runs."""
    while True:
        due = time.monotonic() + INTERVAL
        await asyncio.sleep(INTERVAL)
        loop_lag.observe(max(0.0, time.monotonic() - due))
        publish_counts()


def publish_counts() -> None:
    for name, total in totals().items():
        SHARED[name].inc(total - _shared[name])
        _shared[name] = total
    open_now = current_hub().subscribers_by_kind()
    _kinds.update(open_now)
    for kind in _kinds:  # includes kinds that no longer have open sockets
        sockets_open.labels(kind).set(open_now[kind])
    for work, waiting in queue_lengths().items():
        thread_queue.labels(work).set(waiting)


async def export_metrics() -> bytes:
    """Returns the metrics of all processes that share a directory, or of this process, in Prometheus' text format."""
    publish_counts()
    registry = CollectorRegistry()
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        _drop_dead_processes(Path(directory))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves its types out
    else:
        registry = REGISTRY
    return generate_latest(registry) + await _site_metrics()


ReadMetrics: TypeAlias = Callable[[], Iterable[Metric]]


def site_metrics(read: ReadMetrics) -> ReadMetrics:
    """Registers a function that reads metrics of the whole site from the database.

    Every scrape target exports the same values of these metrics.
    """
    _site_readers.append(read)
    return read


async def _site_metrics() -> bytes:
    """Reads the site's metrics, once for all concurrent scrapes; returns nothing if it fails or takes too long."""
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _site_text()
    except (DatabaseError, InterfaceError, TimeoutError) as failure:
        logger.warning("site_metrics_not_read", reason=reason_of(failure))
        return b""  # a missing value is better than a wrong one


@SharedRun
async def _site_text() -> bytes:
    return await in_database_thread(_read_site)


def _read_site() -> bytes:
    registry = CollectorRegistry()
    registry.register(_SiteCollector([metric for read in _site_readers for metric in read()]))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _SiteCollector(Collector):
    metrics: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


_site_readers: list[ReadMetrics] = []


def _drop_dead_processes(directory: Path) -> None:
    """Removes the gauges of dead processes. Their counters are kept."""
    pids = {int(path.stem.rpartition("_")[2]) for path in directory.glob("gauge_live*.db")}
    for pid in pids:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # prometheus_client leaves its types out
