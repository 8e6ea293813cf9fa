"""Limits: so many times in so many seconds, counted where every process sees it."""

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from core.metrics import throttled

logger = structlog.get_logger(__name__)


class TooOften(Throttled):
    """429, with `Retry-After`."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait=wait)
        self.wait = wait


@dataclass(frozen=True)
class Limit:
    """`Limit("questions", times=10, seconds=60).hit(user.pk)` counts, and raises `TooOften` when full.

    Where only failures count, `check` before and `count` after.
    """

    name: str
    times: int
    seconds: int

    def hit(self, key: object) -> None:
        counted, began = self._counted(key, add=1)
        self._stop_if(counted > self.times, began)

    def check(self, key: object) -> None:
        counted, began = self._counted(key, add=0)
        self._stop_if(counted >= self.times, began)

    def count(self, key: object) -> None:
        self._counted(key, add=1)

    def _stop_if(self, full: bool, began: float) -> None:
        if full and settings.LIMITS:
            throttled.labels(self.name).inc()
            left = round(began - time.time() + self.seconds, 3)  # rounded: floats would make 61 s of 60
            raise TooOften(wait=max(1, math.ceil(left)))

    def _counted(self, key: object, *, add: int) -> tuple[int, float]:
        """How often, and since when: the time begins with the first one."""
        now = time.time()
        if not settings.LIMITS:
            return 0, now
        # Hashed: what people type is neither a valid cache key nor anything to keep.
        name = hashlib.sha256(f"{self.name}:{key}".encode()).hexdigest()
        try:
            began: float = cache.get(name, 0.0)
            if began + self.seconds <= now:
                began = now
                cache.set_many({name: now, f"{name}:count": 0}, timeout=self.seconds)
            return cache.incr(f"{name}:count", add), began
        except Exception as failure:  # noqa: BLE001  # each store fails in its own way; people still get in, and the log says so
            logger.warning("limit_not_counted", limit=self.name, error=type(failure).__name__)
            return 0, now


IPV6_NETWORK = 64  # bits; a provider gives each customer at least this many addresses, all of them theirs to use


def address_of(request: Request | HttpRequest) -> str:
    """The client's address as limits and budgets count it."""
    return network_of(str(request.META.get("REMOTE_ADDR", "")))


def network_of(address: str) -> str:
    """An IPv4 address itself, also when written as IPv6; the /64 of an IPv6 address; anything else unchanged."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a Unix socket has none
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK), strict=False))
