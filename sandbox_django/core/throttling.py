"""Rate limits, which count requests per period in the database (docs/decisions/0020-limits-in-the-database.md)."""

import hashlib
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from core.errors import Refused
from core.metrics import throttled
from core.models import RateLimitCount
from runtime.addresses import network_of


class RateLimited(Throttled, Refused):
    """A rate limit is reached: status 429, with `Retry-After`."""

    def __init__(self, wait: float, counted: str = "requests") -> None:
        super().__init__(wait=wait)
        self.wait = wait
        self.counted = counted

    @property
    def page_text(self) -> str:
        minutes = math.ceil(self.wait / 60)
        return f"Too many {self.counted}. Try again in {minutes} minute{'s' if minutes > 1 else ''}."


@dataclass(frozen=True)
class Limit:
    """A limit of requests per key and period.

    `Limit("questions", times=10, seconds=60).hit(user.pk)` counts a request, and raises `RateLimited` if the limit is
    reached. To count only failures, call `check` before the attempt and `count` after a failure.
    """

    name: str
    times: int
    seconds: int

    counted: ClassVar[str] = "requests"  # the word in the message for users

    def hit(self, key: object) -> None:
        if settings.LIMITS:
            count, expires_at = self._counted(key)
            self._stop_if(count > self.times, expires_at)

    def check(self, key: object) -> None:
        if not settings.LIMITS:
            return
        counted = RateLimitCount.objects.filter(digest=self._digest(key), expires_at__gt=time.time())
        if found := counted.values_list("count", "expires_at").first():
            count, expires_at = found
            self._stop_if(count >= self.times, expires_at)

    def count(self, key: object) -> None:
        if settings.LIMITS:
            self._counted(key)

    def _stop_if(self, full: bool, expires_at: float) -> None:
        if full:
            throttled.labels(self.name).inc()
            left = round(expires_at - time.time(), 3)  # rounded, because imprecise floats would turn 60 s into 61 s
            raise RateLimited(max(1, math.ceil(left)), self.counted)

    def _counted(self, key: object) -> tuple[int, float]:
        """Adds one to the count; returns the count and the end of the period."""
        if _in_transaction.counted is not None:
            _in_transaction.counted.append((self, key))
        return RateLimitCount.objects.add_one(self._digest(key), now=time.time(), seconds=self.seconds)

    def _digest(self, key: object) -> str:
        return hashlib.sha256(f"{self.name}:{key}".encode()).hexdigest()


class _InTransaction(threading.local):
    """The limits that the current thread has counted in a transaction, to count them again after a rollback.

    `counted` is None outside of `counts_survive_rollback`.
    """

    counted: list[tuple[Limit, object]] | None = None


_in_transaction = _InTransaction()


@contextmanager
def counts_survive_rollback() -> Iterator[None]:
    """Keeps the counts of limits that are hit inside a transaction, even if the transaction is rolled back."""
    counted: list[tuple[Limit, object]] = []
    _in_transaction.counted = counted
    try:
        yield
    except Exception:
        _in_transaction.counted = None
        for limit, key in counted:
            limit.count(key)
        raise
    finally:
        _in_transaction.counted = None


PRUNED_AT_ONCE = 5_000  # rows in one statement


def delete_expired_counts() -> int:
    """Deletes counts whose period has ended; returns their number."""
    deleted = 0
    while True:
        expired = RateLimitCount.objects.filter(expires_at__lte=time.time())
        # The DELETE checks `expires_at` again, because a count may have been renewed.
        count, _ = expired.filter(pk__in=list(expired.values_list("pk", flat=True)[:PRUNED_AT_ONCE])).delete()
        deleted += count
        if count < PRUNED_AT_ONCE:
            return deleted


def address_of(request: Request | HttpRequest) -> str:
    """Returns the client's address or network, for which limits and quotas count."""
    return network_of(str(request.META.get("REMOTE_ADDR", "")))
