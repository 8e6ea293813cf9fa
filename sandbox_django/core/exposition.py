"""How Prometheus gets the figures of `core/metrics.py`: shared between processes, and added up when asked."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from core import queue
from core.live.hub import current_hub
from core.live.layers import LAYER_DOWN
from core.metrics import SHARED, counts, loop_lag, sockets_open

INTERVAL = 1.0  # seconds

_shared: Counter[str] = Counter()
_kinds: set[str] = set()


async def keep_sharing() -> None:
    """As long as the process runs: say what was counted, and how late we wake up."""
    while True:
        due = time.monotonic() + INTERVAL
        await asyncio.sleep(INTERVAL)
        loop_lag.observe(max(0.0, time.monotonic() - due))
        share()


def share() -> None:
    for name, counter in SHARED.items():
        total = getattr(counts, name)
        counter.inc(total - _shared[name])
        _shared[name] = total
    open_now = current_hub().readers_by_kind()
    _kinds.update(open_now)
    for kind in _kinds:  # also those of which there are none any more
        sockets_open.labels(kind).set(open_now[kind])


async def figures() -> bytes:
    """Of all processes that share a directory (else of this one), in Prometheus' text format."""
    share()
    registry = CollectorRegistry()
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        _forget_the_dead(Path(directory))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves its types out
    else:
        registry = REGISTRY
    return generate_latest(registry) + await _queue_figures()


async def _queue_figures() -> bytes:
    """Of the one queue that all processes share: asked for, not counted."""
    try:
        depth = await queue.depth()
    except LAYER_DOWN:
        return b""  # better no figure than a wrong one
    registry = CollectorRegistry()
    registry.register(_QueueDepth(*depth))
    return generate_latest(registry)


@dataclass(frozen=True)
class _QueueDepth(Collector):
    waiting: int
    running: int

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("sandbox_queue_jobs", "Jobs in the workers' queue.", labels=["state"])
        family.add_metric(["waiting"], self.waiting)
        family.add_metric(["running"], self.running)
        return [family]


def _forget_the_dead(directory: Path) -> None:
    """What a process has counted stays; what it had open went with it."""
    pids = {int(path.stem.rpartition("_")[2]) for path in directory.glob("gauge_live*.db")}
    for pid in pids:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # prometheus_client leaves its types out
