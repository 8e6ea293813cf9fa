"""A queued job is run once by a living worker, or in the web process if there is no queue."""

import asyncio
import uuid
from typing import Any, cast
from unittest import mock, skipUnless

import pytest
import structlog
from django.conf import settings
from django.test import SimpleTestCase, override_settings

from core import queue
from core.queue import GROUP, JobBroker
from live.layers import RedisLayer, live_layer
from runtime import jobs

done: list[tuple[str, Any]] = []


async def note(word: str) -> None:
    done.append((word, structlog.contextvars.get_contextvars().get("request_id")))


async def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.stack
class QueueTests(SimpleTestCase):
    def setUp(self) -> None:
        done.clear()
        own_stream = mock.patch.object(queue, "STREAM", f"sandbox:test:{uuid.uuid4()}")
        own_stream.start()
        self.addCleanup(own_stream.stop)

    @override_settings(REDIS_URL="redis://127.0.0.1:1/0")
    async def test_a_job_that_no_queue_takes_is_done_here(self) -> None:
        queue._broker.cache_clear()
        self.addCleanup(queue._broker.cache_clear)
        with mock.patch.object(JobBroker, "kick", side_effect=ConnectionError):
            queue.put(note, "here")
            await jobs.drain(5)

        assert done == [("here", None)]

    @skipUnless(settings.REDIS_URL, "the queue is in Redis")
    async def test_a_worker_does_it_under_the_requests_number_and_forgets_it(self) -> None:
        async with working():
            with structlog.contextvars.bound_contextvars(request_id="of-the-request"):
                queue.put(note, "there")
            await until_done(1)

        assert done == [("there", "of-the-request")]
        assert await connection().xlen(queue.STREAM) == 0

    @skipUnless(settings.REDIS_URL, "the queue is in Redis")
    async def test_a_job_that_fails_is_not_tried_for_ever(self) -> None:
        with self.assertLogs("runtime.jobs", "ERROR"):
            async with working():
                queue.put(fail)
                queue.put(note, "after it")
                await until_done(1)

        assert await connection().xlen(queue.STREAM) == 0

    @skipUnless(settings.REDIS_URL, "the queue is in Redis")
    async def test_a_dead_workers_jobs_are_done_by_another(self) -> None:
        async with working():
            pass  # creates the group
        queue.put(note, "left behind")
        await jobs.drain(5)
        await connection().xreadgroup(GROUP, "dead", {queue.STREAM: ">"})
        assert await queue.queued_args(note) == {("left behind",)}

        with mock.patch("core.queue.DEAD_AFTER_MS", 0):
            async with working():
                await until_done(1)

        assert done == [("left behind", None)]
        assert await connection().xlen(queue.STREAM) == 0

    @skipUnless(settings.REDIS_URL, "the queue is in Redis")
    async def test_a_worker_goes_on_when_redis_comes_back_empty(self) -> None:
        async with working():
            await connection().delete(queue.STREAM)
            queue.put(note, "afterwards")
            await until_done(1)


class working:  # noqa: N801  # reads as a verb
    """Runs a worker in this event loop."""

    async def __aenter__(self) -> None:
        queue._broker.cache_clear()
        self._stop = asyncio.Event()
        self._work = asyncio.create_task(queue.work([note, fail], until=self._stop, at_once=10, grace=5))

    async def __aexit__(self, *error: object) -> None:
        self._stop.set()
        await asyncio.wait_for(self._work, 10)
        await queue.close_broker()
        queue._broker.cache_clear()


def connection() -> Any:
    return cast("RedisLayer", live_layer()).connection()


async def until_done(count: int) -> None:
    async with asyncio.timeout(10):
        while len(done) < count:  # noqa: ASYNC110  # a list has no event to wait for
            await asyncio.sleep(0.01)
