"""Slow work in one pool doesn't delay the work in other pools."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from unittest import mock

from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import TransactionTestCase, override_settings
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from core.cpu_bound import SHORT_TEXT, hashes, renders
from core.tests.http import Answer, request
from core.views.health import healthz
from core.views.metrics import metrics
from runtime import threads

SLOW_SQL = {
    "postgresql": "SELECT pg_sleep(30)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
}


class Gate:
    """A view that waits until the test lets it continue."""

    opened = threading.Event()
    arrived: ClassVar[list[str]] = []

    @classmethod
    def wait(cls) -> None:
        cls.arrived.append(threading.current_thread().name)
        assert cls.opened.wait(20)


def search(request: HttpRequest) -> HttpResponse:
    Gate.wait()
    return HttpResponse("found")


@hashes
def sign_in(request: HttpRequest) -> HttpResponse:
    Gate.wait()
    return HttpResponse("signed in")


@renders
class Post(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Any) -> Response:
        return Response({"thread": threading.current_thread().name})


def slow(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(SLOW_SQL[connection.vendor])
    return HttpResponse("after all")


class Slow(Post):
    def get(self, request: Any) -> Response:
        slow(request)
        return Response()


def lost(request: HttpRequest) -> HttpResponse:
    raise OperationalError("connection refused\nIs the server running?")


class Lost(Post):
    def get(self, request: Any) -> Response:
        raise OperationalError("sorry, too many clients already")


def wrong(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    return HttpResponse()


urlpatterns = [
    path("search/", search),
    path("login/", sign_in),
    path("api/posts/", Post.as_view()),
    path("slow/", slow),
    path("api/slow/", Slow.as_view()),
    path("lost/", lost),
    path("api/lost/", Lost.as_view()),
    path("wrong/", wrong),
    path("healthz", healthz),
    path("metrics", metrics),
]
handler404 = "core.views.errors.not_found"
handler500 = "core.views.errors.server_error"

MIDDLEWARE = ["core.middleware.UnavailableMiddleware"]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, DATABASE_THREADS=2)
class ThreadsCase(TransactionTestCase):
    def setUp(self) -> None:
        Gate.opened.clear()
        Gate.arrived.clear()
        self.addCleanup(threads.end_threads)
        self.addCleanup(Gate.opened.set)

    @asynccontextmanager
    async def many(
        self, count: int, path: str, *body: bytes, method: str = "GET"
    ) -> AsyncIterator[list["asyncio.Task[Answer]"]]:
        """Keeps `count` requests waiting until the block ends: two at the gate, the others in the queue."""
        waiting = []
        try:
            for number in range(count):
                waiting.append(asyncio.create_task(request(path, *body, method=method)))
                if number < 2:
                    await until(lambda: len(Gate.arrived) > number)  # noqa: B023  # called at once
            yield waiting
        finally:
            Gate.opened.set()
            await asyncio.gather(*waiting)


class UrgentWorkTests(ThreadsCase):
    async def test_views_never_keep_a_lease_from_being_renewed(self) -> None:
        async with self.many(16, "/search/") as searches, asyncio.timeout(10):
            assert await threads.in_database_thread(one) == 1
            assert await threads.ThreadBatcher().run(one) == 1
            assert not any(search.done() for search in searches)

    async def test_cleanup_never_keeps_a_lease_from_being_renewed(self) -> None:
        cleanup = asyncio.create_task(threads.in_background_thread(Gate.wait))
        async with asyncio.timeout(10):
            await until(lambda: len(Gate.arrived) == 1)
            assert await threads.in_database_thread(one) == 1
        Gate.opened.set()
        await cleanup

    async def test_sockets_that_open_leave_a_thread_for_leases(self) -> None:
        handoffs = threads.ThreadBatcher()
        sockets = [asyncio.create_task(handoffs.run(Gate.wait)) for _ in range(100)]
        async with asyncio.timeout(10):
            await until(lambda: len(Gate.arrived) == threads.OPENING_THREADS)
            assert await threads.in_database_thread(one) == 1
        Gate.opened.set()
        await asyncio.gather(*sockets)

    @override_settings(METRICS_TOKEN="secret")
    async def test_probes_are_answered_while_all_threads_are_busy(self) -> None:
        in_loop = {"/healthz": healthz, "/metrics": metrics}
        token = [(b"authorization", b"Bearer secret")]
        async with self.many(16, "/search/"), asyncio.timeout(10):
            await until(lambda: threads.queue_lengths()[threads.Work.REQUESTS] == 14)
            alive = await request("/healthz", in_loop=in_loop)
            refused = await request("/metrics", in_loop=in_loop)
            figures = await request("/metrics", headers=token, in_loop=in_loop)

        assert (alive.status, json.loads(alive.body)) == (200, {"status": "alive"})
        assert alive.header("X-Request-ID")
        assert refused.status == 404
        assert b'sandbox_thread_queue{pool="requests"} 14.0' in figures.body


class SharedCallTests(ThreadsCase):
    async def test_calls_on_a_thread_that_fails_get_its_error_and_do_not_wait_forever(self) -> None:
        calls = threads.ThreadBatcher()
        with mock.patch.object(threads, "drop_dead_connections", side_effect=OperationalError("lost")):
            async with asyncio.timeout(5):
                failures = await asyncio.gather(calls.run(int), calls.run(int), return_exceptions=True)

        assert [type(failure) for failure in failures] == [OperationalError, OperationalError]
        assert await calls.run(int) == 0


class ComputeTests(ThreadsCase):
    async def test_a_full_queue_is_503_and_delays_no_other_request(self) -> None:
        async with self.many(2 + threads.COMPUTE_QUEUE, "/login/", b"x", method="POST"), asyncio.timeout(10):
            await until(lambda: threads.queue_lengths()[threads.Work.COMPUTE] == threads.COMPUTE_QUEUE)
            refused = await request("/login/", b"x", method="POST")
            refused_post = await request("/api/posts/", b"x" * (SHORT_TEXT + 1), method="POST")
            page = await request("/login/nowhere/")

        assert (refused.status, refused.header("Retry-After")) == (503, "5")
        assert b"Try again in a moment" in refused.body
        assert (refused_post.status, refused_post.header("Retry-After")) == (503, "5")
        assert json.loads(refused_post.body)["errors"][0]["code"] == "unavailable"
        assert page.status == 404

    async def test_long_texts_are_rendered_in_the_small_pool_and_short_ones_are_not(self) -> None:
        short = await request("/api/posts/", b'"' + b"x" * (SHORT_TEXT - 2) + b'"', method="POST")
        long = await request("/api/posts/", b'"' + b"x" * (SHORT_TEXT - 1) + b'"', method="POST")

        assert json.loads(short.body)["thread"].startswith("requests")
        assert json.loads(long.body)["thread"].startswith("compute")


class UnavailableTests(ThreadsCase):
    @override_settings(STATEMENT_TIMEOUT=0.2)
    async def test_a_view_whose_statement_takes_too_long_is_503(self) -> None:
        async with asyncio.timeout(10):
            for _ in range(3):  # the thread and its connection are reused
                self.assert_unavailable(await request("/slow/"))
            self.assert_api_unavailable(await request("/api/slow/"))

    @override_settings(STATEMENT_TIMEOUT=0.2)
    async def test_other_work_has_no_such_limit(self) -> None:
        slow_for_a_view = {
            "postgresql": "SELECT pg_sleep(0.5)",
            "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) "
            "SELECT count(*) FROM n",
        }

        def execute() -> None:
            with connection.cursor() as cursor:
                cursor.execute(slow_for_a_view[connection.vendor])

        await threads.in_database_thread(execute)
        await threads.in_background_thread(execute)

    async def test_a_lost_database_is_503_and_one_line_in_the_log(self) -> None:
        with self.assertLogs(level="WARNING") as log:
            self.assert_unavailable(await request("/lost/"))
            self.assert_api_unavailable(await request("/api/lost/"))

        assert len(log.records) == 2, log.output
        for record in log.records:
            assert record.exc_info is None
            assert "request_unavailable" in record.getMessage()
        assert "connection refused" in log.records[0].getMessage()
        assert "\n" not in log.records[0].getMessage()

    async def test_a_mistake_in_our_sql_stays_a_500(self) -> None:
        with self.assertLogs("django.request", level="ERROR") as log:
            answer = await request("/wrong/")

        assert answer.status == 500
        assert log.records[0].exc_info

    def assert_unavailable(self, answer: Answer) -> None:
        assert (answer.status, answer.header("Retry-After")) == (503, "5")
        assert b"Try again in a moment" in answer.body

    def assert_api_unavailable(self, answer: Answer) -> None:
        assert (answer.status, answer.header("Retry-After")) == (503, "5")
        error = json.loads(answer.body)
        assert error["type"] == "server_error"
        assert error["errors"][0]["code"] == "unavailable"


def one() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        (value,) = cursor.fetchone()
    return int(value)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # other threads change it, without an event
            await asyncio.sleep(0.005)
