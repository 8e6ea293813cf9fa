"""The ASGI application: responses before and outside of Django."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from unittest import mock, skipUnless

import pytest
from asgiref.sync import sync_to_async
from django.contrib.staticfiles import finders
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import TransactionTestCase, override_settings
from django.urls import path

from core.asgi import BLOCK_SIZE, Lifespan, SingleHandoffHandler
from core.tests.http import request
from live import feeds
from live.tests.live_rooms import Room, RoomConsumer, Socket
from runtime import jobs, threads
from runtime.threads import in_database_thread

marker: ContextVar[str] = ContextVar("marker")


def echo(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(request.body, content_type="text/plain")
    response.set_cookie("one", "1")
    response.set_cookie("other", "2", httponly=True)
    return response


def long_file(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[bytes]:
        for _ in range(40_000):
            yield b"four"

    return StreamingHttpResponse(lines())


def fails(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret")


urlpatterns = [path("echo/", echo), path("long/", long_file), path("fails/", fails)]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"])
class SingleHandoffTests(TransactionTestCase):
    async def test_a_body_over_the_limit_is_refused_before_any_view_sees_it(self) -> None:
        with self.settings(DATA_UPLOAD_MAX_MEMORY_SIZE=8):
            answer = await request("/echo/", b"12345", b"67890", method="POST")

        assert answer.status == 413
        assert answer.header("X-Request-ID"), "under which the log has it"
        assert b'"request_too_large"' in answer.body

    async def test_a_client_that_goes_away_in_mid_body_gets_nothing(self) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        await SingleHandoffHandler(Lifespan(periodic=[]))({"type": "http"}, receive, send)

    async def test_a_failing_view_is_a_500_that_tells_nothing(self) -> None:
        answer = await request("/fails/")

        assert answer.status == 500
        assert b"secret" not in answer.body

    async def test_body_cookies_and_headers_go_both_ways(self) -> None:
        answer = await request("/echo/", b"He", b"llo", method="POST")

        assert (answer.status, answer.body) == (200, b"Hello")
        assert [value for name, value in answer.headers if name == b"Set-Cookie"] == [
            b"one=1; Path=/",
            b"other=2; HttpOnly; Path=/",
        ]

    async def test_a_long_stream_arrives_whole_in_blocks(self) -> None:
        answer = await request("/long/")

        assert answer.body == b"four" * 40_000
        assert len(answer.body) > 2 * BLOCK_SIZE

    async def test_static_files_are_served(self) -> None:
        answer = await request("/static/admin/css/base.css")

        assert answer.status == 200
        assert (b"Content-Type", b'text/css; charset="utf-8"') in answer.headers
        with open(finders.find("admin/css/base.css") or "", "rb") as file:  # noqa: ASYNC230  # a test may wait
            assert answer.body == file.read()

    async def test_signals_frame_each_request_so_that_connections_are_looked_after(self) -> None:
        seen: list[str] = []

        def started(**kwargs: Any) -> None:
            seen.append("started")

        def finished(**kwargs: Any) -> None:
            seen.append("finished")

        request_started.connect(started)
        request_finished.connect(finished)
        self.addCleanup(request_started.disconnect, started)
        self.addCleanup(request_finished.disconnect, finished)

        await request("/echo/")
        await request("/long/")

        assert seen == ["started", "finished"] * 2


class RunnerTests(TransactionTestCase):
    @override_settings(DATABASE_THREADS=1)  # the setting of servers
    async def test_a_job_does_not_inherit_the_requests_context(self) -> None:
        """With the request's context, asgiref would find the request's executor and assign its thread to the job."""
        received: list[Any] = []

        async def job() -> None:
            received.append(marker.get(None))

        from_request = marker.set("of the request")
        jobs.start(job)
        await jobs.drain(5)
        marker.reset(from_request)

        assert received == [None]

    async def test_draining_waits_for_jobs_and_ends_what_takes_too_long(self) -> None:
        done: list[str] = []
        never = asyncio.Event()

        async def quick() -> None:
            done.append("quick")

        async def endless() -> None:
            try:
                await never.wait()
            except asyncio.CancelledError:
                done.append("ended")
                raise

        jobs.start(endless)
        jobs.start(quick)

        assert await jobs.drain(0.05) == 1
        assert done == ["quick", "ended"]

    def test_without_a_server_a_job_is_done_when_start_returns(self) -> None:
        done: list[str] = []

        async def job(what: str) -> None:
            done.append(what)

        jobs.start(job, "inline")

        assert done == ["inline"]


class DatabaseThreadTests(TransactionTestCase):
    async def test_few_lasting_threads_do_all_the_work(self) -> None:
        with self.settings(DATABASE_THREADS=2):
            self.addCleanup(threads.end_threads)
            calls = [in_database_thread(lambda: threading.current_thread().name) for _ in range(50)]
            names = await asyncio.gather(*calls)

        assert len(set(names)) <= threads.LIVE_THREADS

    @skipUnless(connection.vendor == "postgresql", "SQLite has no connection that could die")
    async def test_connection_that_died_under_a_query_is_replaced(self) -> None:
        def execute(sql: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(sql)

        with self.settings(DATABASE_THREADS=1):
            self.addCleanup(threads.end_threads)
            with pytest.raises(DatabaseError):
                await threads.in_database_thread(execute, "SELECT pg_terminate_backend(pg_backend_pid())")

            await threads.in_database_thread(execute, "SELECT 1")

    async def test_a_call_at_the_end_of_a_batch_is_not_lost(self) -> None:
        handoffs = threads.ThreadBatcher()
        with self.settings(DATABASE_THREADS=2):
            self.addCleanup(threads.end_threads)

            async with asyncio.timeout(5):
                # The call arrives at the moment when a batch ends. No later call will start another batch, so this one
                # must.
                answers = [await handoffs.run(int, answer) for answer in range(3)]

        assert answers == [0, 1, 2]

    async def test_many_calls_share_batches_and_each_gets_its_own_outcome(self) -> None:
        handoffs = threads.ThreadBatcher()

        def halve(number: int) -> int:
            if number % 2:
                raise ValueError(number)
            return number // 2

        with self.settings(DATABASE_THREADS=2):
            self.addCleanup(threads.end_threads)
            outcomes = await asyncio.gather(*[handoffs.run(halve, n) for n in range(100)], return_exceptions=True)

        assert [o for o in outcomes if isinstance(o, int)] == list(range(50))
        assert sorted(o.args[0] for o in outcomes if isinstance(o, ValueError)) == list(range(1, 100, 2))

    async def test_calls_that_share_a_batch_find_out_the_same_only_once(self) -> None:
        handoffs, asked = threads.ThreadBatcher(), []

        def ask() -> int:
            asked.append("who?")
            return len(asked)

        def call() -> int:
            return threads.once_per_batch("who", ask)

        with self.settings(DATABASE_THREADS=2):
            self.addCleanup(threads.end_threads)
            answers = await asyncio.gather(*[handoffs.run(call) for _ in range(3 * threads.BATCH_SIZE)])
            later = await handoffs.run(call)

        assert Counter(answers) == dict.fromkeys((1, 2, 3), threads.BATCH_SIZE)
        assert later == 4

    async def test_a_failed_read_is_repeated(self) -> None:
        handoffs, asked = threads.ThreadBatcher(), []

        def ask() -> int:
            asked.append("who?")
            if len(asked) == 1:
                raise DatabaseError
            return len(asked)

        def call() -> int:
            return threads.once_per_batch("who", ask)

        with self.settings(DATABASE_THREADS=1):
            self.addCleanup(threads.end_threads)
            failed, *answers = await asyncio.gather(*[handoffs.run(call) for _ in range(3)], return_exceptions=True)

        assert isinstance(failed, DatabaseError)
        assert answers == [2, 2]

    async def test_sockets_that_reconnect_together_read_the_log_once(self) -> None:
        room = Room()
        await sync_to_async(room.write)(3)
        seq = await sync_to_async(feeds.head)(room.name)
        with self.settings(DATABASE_THREADS=1), mock.patch.object(feeds, "read", wraps=feeds.read) as read:
            self.addCleanup(threads.end_threads)
            sockets = [Socket(room, since=0, reads=True) for _ in range(threads.BATCH_SIZE)]
            sockets.append(Socket(room, since=seq - 1, reads=True))
            try:
                received = [await events_until(seq, socket) for socket in sockets]
            finally:
                for socket in sockets:
                    socket.leave()
                    await socket.serving

        assert received == [[1, 2, 3]] * threads.BATCH_SIZE + [[3]]
        # The first socket finds no batch and starts one of its own; the one that subscribes for all may come last.
        assert {call.args[1] for call in read.call_args_list} == {0, seq - 1}
        assert read.call_count <= 4

    async def test_two_kinds_of_sockets_on_a_feed_read_their_own_kinds_of_content(self) -> None:
        room = Room()
        await sync_to_async(room.start_stream)()
        await room.grow("Two cups.")
        with self.settings(DATABASE_THREADS=1):
            self.addCleanup(threads.end_threads)
            quiet = [QuietSocket(room, since=1, reads=True) for _ in range(2)]
            other = Socket(room, since=1, reads=True)
            try:
                async with asyncio.timeout(5):
                    while "Two cups." not in (await other.arrived.get()).get("text", ""):
                        pass
            finally:
                for socket in [*quiet, other]:
                    socket.leave()
                    await socket.serving


class QuietConsumer(RoomConsumer):
    """Subscribes to the events of a room, but not to its texts."""

    def latest_stream(self) -> None:
        return None


class QuietSocket(Socket):
    consumer = QuietConsumer


async def events_until(seq: int, socket: Socket) -> list[int]:
    """Returns the sequence numbers of the events that a socket sends, up to `seq`."""
    numbers: list[int] = []
    async with asyncio.timeout(5):
        while not numbers or numbers[-1] < seq:
            frame = json.loads((await socket.arrived.get()).get("text", "{}"))
            if "seq" in frame:
                numbers.append(frame["seq"])
    return numbers
