"""Access to the metrics, and their values."""

import re
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import TestCase, override_settings

from core.throttling import Limit, RateLimited
from live.metrics import counts


@override_settings(METRICS_TOKEN="right", METRICS_NETWORKS=["10.0.0.0/8"])
class MetricsAccessTests(TestCase):
    @override_settings(METRICS_TOKEN="", METRICS_NETWORKS=[])
    def test_by_default_the_metrics_are_closed(self) -> None:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer right"}):
            assert self.client.get("/metrics", headers=headers).status_code == 404

    def test_a_stranger_gets_nothing(self) -> None:
        assert self.client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
        assert self.client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
        assert self.client.get("/metrics", headers={"Authorization": "Basic right"}).status_code == 404

    def test_requests_through_a_proxy_in_our_network_are_still_refused(self) -> None:
        for header in ("X-Forwarded-For", "Forwarded"):
            refused = self.client.get("/metrics", headers={header: "192.0.2.1"}, REMOTE_ADDR="10.1.2.3")
            assert refused.status_code == 404

    def test_an_address_that_is_none_gets_nothing(self) -> None:
        assert self.client.get("/metrics", REMOTE_ADDR="").status_code == 404

    def test_it_takes_no_post(self) -> None:
        assert self.client.post("/metrics", headers={"Authorization": "Bearer right"}).status_code == 405

    def test_the_token_and_the_network_open_it(self) -> None:
        assert self.client.get("/metrics", headers={"Authorization": "Bearer right"}).status_code == 200
        answer = self.client.get("/metrics", REMOTE_ADDR="10.1.2.3")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain")
        assert "no-store" in answer["Cache-Control"]

    def test_it_exports_the_counters(self) -> None:
        frames, met = self.figure("sandbox_frames_sent_total"), self.figure('sandbox_throttled_total{limit="tests"}')

        counts.frames_sent += 3
        with pytest.raises(RateLimited):
            Limit("tests", times=0, seconds=60).hit("somebody")

        assert self.figure("sandbox_frames_sent_total") == frames + 3
        assert self.figure('sandbox_throttled_total{limit="tests"}') == met + 1

    def test_while_the_database_is_down_the_process_still_exports_its_own_metrics(self) -> None:
        for failure in (OperationalError("server closed the connection"), TimeoutError()):
            with self.subTest(failure), mock.patch("core.metrics_export._read_site", side_effect=failure):
                answer = self.client.get("/metrics", REMOTE_ADDR="10.1.2.3")

                assert answer.status_code == 200
                assert "sandbox_frames_sent_total" in answer.content.decode()
                assert "sandbox_queue_jobs" not in answer.content.decode()

    def test_it_exports_the_queue(self) -> None:
        assert self.figure('sandbox_queue_jobs{state="waiting"}') == 0

    def figure(self, name: str) -> float:
        text = self.client.get("/metrics", REMOTE_ADDR="10.1.2.3").content.decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0
