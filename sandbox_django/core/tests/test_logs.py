"""Logs contain the expected data, and no data that must not be logged."""

import json
import subprocess
import sys
import time
from pathlib import Path

import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, SimpleTestCase, override_settings
from django.urls import path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import logging.config, structlog
from core import logs
logging.config.dictConfig(logs.configure(as_json=True, level="INFO"))
def fail():
    password = "s3cret"
    raise ZeroDivisionError("by zero")
structlog.get_logger("ours").info("one", answer=7)
logging.getLogger("theirs").warning("two %s", "things")
try:
    fail()
except ZeroDivisionError:
    structlog.get_logger("ours").exception("three")
from redis.exceptions import ConnectionError
layer = logging.getLogger("channels_redis.pubsub")
for failure in ConnectionError("away"), ZeroDivisionError("by zero"):
    try:
        raise failure
    except Exception:
        layer.exception("in receive task")
"""


def slow(request: HttpRequest) -> HttpResponse:
    time.sleep(0.05)
    if "fail" in request.GET:
        raise ZeroDivisionError
    return HttpResponse()


urlpatterns = [path("slow/", slow)]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["core.middleware.RequestLogMiddleware"])
class RequestLineTests(SimpleTestCase):
    def test_a_requests_line_tells_how_long_it_took_also_when_it_failed(self) -> None:
        for query, event in (("", "request_finished"), ("?fail", "request_failed")):
            with self.subTest(event), structlog.testing.capture_logs() as lines:
                Client(raise_request_exception=False).get(f"/slow/{query}")
                (line,) = [line for line in lines if line["event"] == event]

                assert 50 <= line["duration_ms"] < 20_000


class JsonLogTests(SimpleTestCase):
    of_the_layer = ("in receive task: ConnectionError", "in receive task")

    def setUp(self) -> None:
        # In a process of its own, because structlog is configured once per process.
        ran = subprocess.run(  # noqa: S603  # our own interpreter and script
            [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.lines = [json.loads(line) for line in ran.stderr.splitlines()]

    def test_each_event_is_one_line_of_json(self) -> None:
        assert [line["event"] for line in self.lines] == ["one", "two things", "three", *self.of_the_layer]
        assert self.lines[0] | {"timestamp": ""} == {
            "event": "one",
            "answer": 7,
            "logger": "ours",
            "level": "info",
            "timestamp": "",
        }

    def test_exceptions_are_logged_without_local_variables(self) -> None:
        (exception,) = self.lines[2]["exception"]

        assert exception["exc_type"] == "ZeroDivisionError"
        assert exception["frames"][-1]["name"] == "fail"
        assert "s3cret" not in json.dumps(self.lines)

    def test_that_redis_is_away_takes_no_traceback_and_anything_else_has_one(self) -> None:
        away, broken = self.lines[3:]

        assert "exception" not in away
        assert broken["exception"][0]["exc_type"] == "ZeroDivisionError"
