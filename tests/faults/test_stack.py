"""No failure of PostgreSQL, Redis, two web processes or two workers loses data or leaves an answer unfinished."""

import asyncio
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.faults import traffic
from tests.faults.model import CUT, HANG
from tests.faults.traffic import Fault, Stack, Traffic, running_stack
from tests.servers import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> list[str]:
    return stack.tokens(4)


# Only these faults may make an answer fail before it is complete.
CAUSES_FAILURES = {traffic.a_worker_is_killed}


@pytest.mark.parametrize(
    "fault",
    [
        traffic.a_worker_is_killed,
        traffic.a_web_process_is_killed,
        traffic.redis_comes_back_empty,
        traffic.redis_is_away_for_5_s,
        traffic.redis_hangs_for_8_s,
        traffic.the_database_drops_its_connections_again_and_again,
        traffic.clients_are_cut_off_again_and_again,
        traffic.workers_are_replaced,
    ],
)
def test_nothing_is_lost_doubled_or_stuck_when(fault: Fault, stack: Stack, tokens: list[str]) -> None:
    outcome = asyncio.run(Traffic(stack, tokens).through(fault))

    assert outcome.is_good(), outcome
    if fault in CAUSES_FAILURES:
        assert set(outcome.ended) <= {"complete", "failed"}
        assert outcome.ended["failed"], "nothing ran on the worker that was killed"
    else:
        assert set(outcome.ended) == {"complete"}


def test_a_model_that_hangs_or_breaks_off_ends_its_answers_and_no_others(stack: Stack) -> None:
    questions = [CUT, HANG, "How much water?", "And rice?"]

    outcome = asyncio.run(Traffic(stack, (), questions=questions).through(traffic.nothing))

    assert outcome.is_good(), outcome
    assert outcome.ended == {"failed": 4, "complete": 4}


def test_200_answers_are_complete_though_all_web_processes_are_replaced_meanwhile(stack: Stack) -> None:
    outcome = asyncio.run(Traffic(stack, (), conversations=200).through(traffic.web_processes_are_replaced))

    assert outcome.is_good(), outcome
    assert outcome.ended == {"complete": 200}


def test_any_server_exports_the_metrics_of_all_processes(stack: Stack) -> None:
    before = [figure(server, COMPLETE) for server in stack.web]

    outcome = asyncio.run(Traffic(stack, ()).through(traffic.nothing))

    assert outcome.ended == {"complete": 8}
    for server, was in zip(stack.web, before, strict=True):
        assert figure(server, COMPLETE) == was + 8, "workers counted them"
        assert figure(server, "sandbox_frames_sent_total") > 0
        assert figure(server, "sandbox_first_token_seconds_count") >= 8
        assert figure(server, 'sandbox_queue_jobs{state="waiting"}') == 0


COMPLETE = 'sandbox_answers_ended_total{error="",status="complete"}'


def figure(server: Server, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics").raise_for_status().text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0
