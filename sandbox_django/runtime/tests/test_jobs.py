"""Tests jobs with and without a server: their log lines, their connections, and how they end."""

import asyncio
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock, skipUnless

import pytest
import structlog
from django.conf import settings
from django.test import SimpleTestCase, TransactionTestCase

from live import hub
from live.hub import current_hub
from live.layers import LAYER_DOWN, RedisLayer
from live.redis_pool import redis_pool
from runtime import jobs

PROJECT = Path(__file__).resolve().parents[2]


async def fail(reason: str) -> None:
    raise ZeroDivisionError(reason)


class LogContextTests(TransactionTestCase):
    async def test_work_started_by_the_first_socket_does_not_log_its_context(self) -> None:
        contexts: list[dict[str, Any]] = []

        with structlog.contextvars.bound_contextvars(request_id="of the first socket", ip="192.0.2.1"):
            await current_hub().listen("tests", lambda data: contexts.append(structlog.contextvars.get_contextvars()))
        await hub.call("tests", None)
        async with asyncio.timeout(5):
            while not contexts:  # noqa: ASYNC110  # a list has no event to wait for
                await asyncio.sleep(0.01)

        assert contexts == [{}]

    async def test_a_job_that_fails_is_named(self) -> None:
        with self.assertLogs("runtime.jobs", "ERROR") as logged:
            jobs.start(fail, "broken")
            jobs.start(asyncio.wait_for, fail("broken"), timeout=1)
            await jobs.drain(5)

        assert [record.msg["job"] for record in logged.records] == ["fail", "wait_for"]  # type: ignore[index]  # structlog's

    def test_a_job_that_calls_another_is_named_with_it(self) -> None:
        assert jobs.name_of(partial(asyncio.to_thread, fail, "broken")) == "to_thread(fail)"
        assert jobs.name_of(partial(partial(fail), "broken")) == "fail"


WITHOUT_SERVER = """
import asyncio, os, sys, threading
import django
django.setup()
from runtime import jobs
loops = set()
async def note():
    loops.add(asyncio.get_running_loop())
for _ in range(20):
    jobs.start(note)
    jobs.run(note)
threads = [threading.Thread(target=jobs.start, args=[note]) for _ in range(5)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(len(loops))
@jobs.on_loop_close
async def close():
    print("closed")
async def fail():
    raise ZeroDivisionError
try:
    jobs.start(fail)
except ZeroDivisionError:
    print("raised")
async def later():
    await asyncio.sleep(0.1)
    print("finished")
async def start_another():
    jobs.start(later)
jobs.start(start_another)
async def start_endless():
    jobs.start(asyncio.sleep, 3600)
if "hang" in sys.argv:
    jobs.start(start_endless)
"""


class WithoutServerTests(SimpleTestCase):
    def test_a_command_has_one_loop_and_closes_it_at_its_end(self) -> None:
        assert self.output() == ["1", "raised", "finished", "closed"]

    def test_a_job_that_hangs_does_not_keep_a_command_from_ending(self) -> None:
        started_at = time.monotonic()

        assert self.output("hang") == ["1", "raised", "finished", "closed"]
        assert time.monotonic() - started_at < 100, "it waited for a job of an hour"

    def output(self, *args: str) -> list[str]:
        ran = subprocess.run(  # noqa: S603  # our own interpreter and script
            [sys.executable, "-c", WITHOUT_SERVER, *args],
            cwd=PROJECT,
            env={
                "DJANGO_SETTINGS_MODULE": "config.settings.dev",
                "SANDBOX_DATA_DIR": str(settings.DATA_DIR),
                "REDIS_URL": "",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=90,
        )
        return ran.stdout.splitlines()


class BrokenConnectionTests(SimpleTestCase):
    urls = ("redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "unix:///nowhere.sock")

    async def test_a_connection_that_breaks_during_a_send_is_an_outage(self) -> None:
        for url in self.urls:
            connection = redis_pool(url).make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves its types out
            # Another task has closed the connection before it is established.
            with (
                self.subTest(url),
                mock.patch.object(connection, "connect_check_health"),
                pytest.raises(LAYER_DOWN, match="during a send"),
            ):
                await connection.send_packed_command(b"PING")

    @pytest.mark.stack
    @skipUnless(settings.REDIS_URL, "it takes a Redis to connect to")
    async def test_a_socket_that_opens_at_that_moment_sees_an_outage(self) -> None:
        layer = RedisLayer(hosts=[settings.REDIS_URL])
        with (
            mock.patch("redis.asyncio.connection.AbstractConnection.send_packed_command", side_effect=AttributeError),
            pytest.raises(LAYER_DOWN, match="during a send"),
        ):
            await layer.new_channel()
