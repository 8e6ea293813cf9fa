"""The duration of each request for the log, from the first middleware to the last."""

import threading
import time
from typing import Any

from django.core.signals import request_started
from django.dispatch import receiver
from django_structlog.signals import bind_extra_request_failed_metadata, bind_extra_request_finished_metadata


class _Clock(threading.local):
    """The start of the request that this thread serves; a thread serves one at a time."""

    started_at: float | None = None


_clock = _Clock()


@receiver(request_started)
def start_clock(**signal: Any) -> None:
    _clock.started_at = time.monotonic()


@receiver(bind_extra_request_finished_metadata)
@receiver(bind_extra_request_failed_metadata)
def add_duration(log_kwargs: dict[str, Any], **signal: Any) -> None:
    if _clock.started_at is not None:
        log_kwargs["duration_ms"] = round(1000 * (time.monotonic() - _clock.started_at), 1)
