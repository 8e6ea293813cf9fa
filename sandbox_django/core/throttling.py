"""Limits: so many times in so many seconds, counted where every process sees it."""

import hashlib
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
        self._stop_if(self._counted(key, add=1) > self.times)

    def check(self, key: object) -> None:
        self._stop_if(self._counted(key, add=0) >= self.times)

    def count(self, key: object) -> None:
        self._counted(key, add=1)

    def _stop_if(self, full: bool) -> None:
        if full and settings.LIMITS:
            throttled.labels(self.name).inc()
            raise TooOften(wait=math.ceil(self.seconds - time.time() % self.seconds))  # whole seconds, never 0

    def _counted(self, key: object, *, add: int) -> int:
        if not settings.LIMITS:
            return 0
        window = int(time.time()) // self.seconds
        # Hashed: what people type is neither a valid cache key nor anything to keep.
        digest = hashlib.sha256(f"{self.name}:{window}:{key}".encode()).hexdigest()
        try:
            cache.add(digest, 0, timeout=self.seconds)
            return cache.incr(digest, add)
        except Exception as failure:  # noqa: BLE001  # whatever store it is: when it is away, people still get in
            logger.warning("limit_not_counted", limit=self.name, error=type(failure).__name__)
            return 0


def address_of(request: Request | HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
