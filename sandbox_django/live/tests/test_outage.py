from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.test import SimpleTestCase
from redis.exceptions import ConnectionError as RedisAway

from live.layers import Outage


@contextmanager
def the_log() -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    with mock.patch("live.layers.logger") as logger:
        logger.warning.side_effect = lambda event, **rest: lines.append({"event": event, **rest})
        yield lines


class OutageTests(SimpleTestCase):
    """The process logs one line when Redis fails and one line when Redis is back, instead of one for each frame."""

    def test_many_failures_are_one_line(self) -> None:
        outage = Outage()
        with the_log() as lines:
            for _ in range(1000):
                outage.failed(RedisAway("127.0.0.1"))

        assert [line["event"] for line in lines] == ["live_layer_down"]
        assert lines[0]["error"] == "ConnectionError"

    def test_its_last_line_has_the_number_of_failures(self) -> None:
        outage = Outage()
        with the_log() as lines:
            for _ in range(3):
                outage.failed(RedisAway())
            outage.recovered()

        assert (lines[-1]["event"], lines[-1]["failures"]) == ("live_layer_back", 3)

    def test_without_an_outage_nothing_is_logged(self) -> None:
        with the_log() as lines:
            Outage().recovered()

        assert not lines

    def test_the_next_one_is_reported_again(self) -> None:
        outage = Outage()
        with the_log() as lines:
            for _ in range(2):
                outage.failed(RedisAway())
                outage.recovered()

        assert [line["event"] for line in lines] == ["live_layer_down", "live_layer_back"] * 2
