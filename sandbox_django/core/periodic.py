"""Runs periodic jobs, each in one process of the site at a time (docs/decisions/0021-periodic-jobs.md)."""

import asyncio
import os
import random
import socket
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from core.models.periodic import PeriodicJob
from runtime import jobs
from runtime.failures import reason_of
from runtime.threads import in_database_thread

logger = structlog.get_logger(__name__)

HOLDER = f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"  # unique for each start of a process
HOUR = 3600.0
LEASE_SECONDS = 15.0  # a process that dies during a job blocks the job for this time at most
JITTER = 0.1  # fraction of the interval, so that processes that started together don't query together
MAX_JITTER = 30.0  # seconds


@dataclass(frozen=True)
class Periodic:
    """A job that runs every `every` seconds in one process of the site.

    With `in_each_process`, it runs in each web process, for the process's own state.
    """

    job: Callable[[], Coroutine[Any, Any, Any]]
    every: float
    in_each_process: bool = False

    @property
    def name(self) -> str:
        return jobs.name_of(self.job)


async def repeat(periodic: Periodic) -> None:
    """Runs the job whenever it is due, until the process ends."""
    jitter = min(JITTER * periodic.every, MAX_JITTER)
    wait = 0.0
    while True:
        await asyncio.sleep(wait + random.uniform(0, jitter))  # noqa: S311  # no secret
        wait = periodic.every
        try:
            if periodic.in_each_process:
                await periodic.job()
            else:
                wait = await run_if_due(periodic)
        except (DatabaseError, InterfaceError) as failure:
            logger.warning("periodic_job_failed", job=periodic.name, reason=reason_of(failure))
        except Exception:  # logged with its traceback; the next round must run in any case
            logger.exception("periodic_job_failed", job=periodic.name)


async def run_if_due(periodic: Periodic) -> float:
    """Runs the job if it is due and no other process is running it; returns the seconds until it is due again."""
    lease = min(periodic.every, LEASE_SECONDS)
    wait = await in_database_thread(_claim, periodic, lease)
    if wait is not None:
        return wait
    renewing = jobs.spawn(_renew(periodic, lease))
    try:
        await periodic.job()
    finally:
        renewing.cancel()
    return periodic.every


def _claim(periodic: Periodic, lease: float) -> float | None:
    """Claims the job and returns None; if it isn't due, returns the seconds until the next attempt."""
    now = timezone.now()
    due_again, expires = now + timedelta(seconds=periodic.every), now + timedelta(seconds=lease)
    if PeriodicJob.objects.claim(periodic.name, HOLDER, now=now, due_at=due_again, lease_expires_at=expires):
        return None
    due_at, expires_at = PeriodicJob.objects.values_list("due_at", "lease_expires_at").get(name=periodic.name)
    return min(max(0.0, (max(due_at, expires_at) - now).total_seconds()), periodic.every)


async def _renew(periodic: Periodic, lease: float) -> None:
    while True:
        await asyncio.sleep(lease / 3)
        try:
            if not await in_database_thread(_extend, periodic, lease):
                logger.warning("periodic_lease_lost", job=periodic.name)
                return
        except (DatabaseError, InterfaceError) as failure:
            logger.warning("periodic_lease_not_renewed", job=periodic.name, reason=reason_of(failure))
        except Exception:  # otherwise the lease would expire, and another process would start the job too
            logger.exception("periodic_lease_not_renewed", job=periodic.name)


def _extend(periodic: Periodic, lease: float) -> int:
    expires_at = timezone.now() + timedelta(seconds=lease)
    return PeriodicJob.objects.filter(name=periodic.name, holder=HOLDER).update(lease_expires_at=expires_at)
