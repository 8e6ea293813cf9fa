"""Measures the CPU time and memory of a server and its workers, and counts Redis commands."""

import math
from collections.abc import Sequence

import psutil
from redis import Redis


class ProcessMetrics:
    """The totals of one server's processes, without their child processes and this process."""

    def __init__(self, pids: Sequence[int], redis_url: str) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._redis: Redis | None = Redis.from_url(redis_url) if redis_url else None

    def cpu(self) -> float:
        """Returns the CPU time in seconds that the processes have used since they started."""
        times = [process.cpu_times() for process in self._processes]
        return float(sum(each.user + each.system for each in times))

    def memory(self) -> float:
        """Returns the memory that the processes use, in kilobytes."""
        return float(sum(process.memory_info().rss for process in self._processes)) / 1024

    def redis_commands(self) -> int:
        """Returns the number of commands that Redis has executed for all clients. Returns 0 without Redis."""
        return int(self._redis.info("stats")["total_commands_processed"]) if self._redis else 0


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that is at least as large as `share` of all values."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def spread(values: Sequence[float]) -> list[float]:
    """Returns the percentiles p50 and p95."""
    return [percentile(values, 0.5), percentile(values, 0.95)]
