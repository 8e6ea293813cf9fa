"""Periodic jobs of the site: one process at a time runs each, and a dead process blocks a job only briefly."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from unittest import mock

from django.db import connections
from django.test import TransactionTestCase

from core import periodic
from core.models import PeriodicJob
from core.periodic import Periodic, repeat, run_if_due
from runtime import jobs
from runtime.threads import in_database_thread

runs: list[str] = []


async def clean_up() -> None:
    runs.append(periodic.HOLDER)


async def fail() -> None:
    raise ZeroDivisionError


def process(name: str) -> AbstractContextManager[object]:
    """Runs the block as if in another process."""
    return mock.patch.object(periodic, "HOLDER", name)


class PeriodicTests(TransactionTestCase):
    def setUp(self) -> None:
        runs.clear()

    async def test_a_job_that_one_process_has_done_is_left_by_the_others_until_it_is_due(self) -> None:
        job = Periodic(clean_up, every=3600)
        for name in ("one", "other", "one"):
            with process(name):
                wait = await run_if_due(job)

        assert runs == ["one"]
        assert 3590 < wait <= 3600

    async def test_a_job_that_takes_long_is_not_begun_by_another_process(self) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def long_job() -> None:
            begun.set()
            await go_on.wait()
            runs.append("long")

        job = Periodic(long_job, every=0.3)
        with process("one"):
            running = jobs.spawn(run_if_due(job))
            await begun.wait()
            await asyncio.sleep(0.7)  # longer than its lease, which it renews
            with process("other"):
                for _ in range(3):
                    assert await run_if_due(job) > 0
        go_on.set()
        await running

        assert runs == ["long"]

    async def test_a_dead_processs_jobs_are_done_by_another(self) -> None:
        job = Periodic(clean_up, every=0.2)
        with process("dead"):
            await in_database_thread(periodic._claim, job, 0.2)

        with process("other"):
            wait = await run_if_due(job)
            assert 0 < wait <= 0.2
            await asyncio.sleep(wait)
            await run_if_due(job)

        assert runs == ["other"]

    async def test_a_job_that_fails_is_named_and_runs_again(self) -> None:
        with self.assertLogs("core.periodic", "ERROR") as logged, suppress(TimeoutError):
            async with asyncio.timeout(2):
                await repeat(Periodic(fail, every=0.1))

        assert len(logged.records) > 1
        assert {record.msg["job"] for record in logged.records} == {"fail"}  # type: ignore[index]  # structlog's

    async def test_jobs_of_each_process_run_in_each(self) -> None:
        job = Periodic(clean_up, every=0.05, in_each_process=True)
        for name in ("one", "other"):
            with process(name), suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await repeat(job)

        assert set(runs) == {"one", "other"}
        assert not await PeriodicJob.objects.aexists()

    def test_of_many_processes_that_ask_at_once_one_gets_it(self) -> None:
        job = Periodic(clean_up, every=3600)

        def claim(number: int) -> bool:
            try:
                return periodic._claim(job, 15) is None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(claim, range(8)))

        assert won.count(True) == 1
