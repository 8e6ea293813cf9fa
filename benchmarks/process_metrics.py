"""What a server and its workers use, as the system counts it, and what Redis was asked."""

import math
from collections.abc import Sequence

import psutil
from redis import Redis


class ProcessMetrics:
    """Of the processes of one server together; their children and ours don't count."""

    def __init__(self, pids: Sequence[int], redis_url: str) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._redis: Redis | None = Redis.from_url(redis_url) if redis_url else None

    def cpu(self) -> float:
        """Seconds of processor time since they started."""
        times = [process.cpu_times() for process in self._processes]
        return float(sum(each.user + each.system for each in times))

    def memory(self) -> float:
        """Kilobytes they hold now."""
        return float(sum(process.memory_info().rss for process in self._processes)) / 1024

    def redis_commands(self) -> int:
        """Commands that Redis has carried out, whoever sent them; 0 where there is none."""
        return int(self._redis.info("stats")["total_commands_processed"]) if self._redis else 0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def spread(values: Sequence[float]) -> list[float]:
    """p50 and p95."""
    return [percentile(values, 0.5), percentile(values, 0.95)]
