"""Questions wait for a worker, and processes stop, while a service that they need is down or doesn't respond."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from test_utils.databases import postgresql_database
from test_utils.openai_test_utils import FakeOpenAI, streams
from test_utils.servers import RestartableRedis
from tests.faults.test_answers import Visitor
from tests.servers import Program, Server, Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

WAITING = 12
WAIT_SECONDS = 250.0  # seconds until a question stops waiting; a slow machine takes a minute to start workers
WITHIN = 90.0  # seconds until all questions must be answered; less than WAIT_SECONDS
STOPPED_WITHIN = 20.0  # seconds: DRAIN_SECONDS, the seconds after it, and a margin for slow machines


@pytest.fixture
def redis_of_test(tmp_path: Path) -> Iterator[RestartableRedis]:
    with RestartableRedis(tmp_path) as server:
        yield server


@pytest.fixture
def database_url() -> Iterator[str]:
    with postgresql_database() as url:
        yield url


def test_questions_that_wait_are_answered_though_redis_is_emptied_while_workers_restart(
    tmp_path: Path, redis_of_test: RestartableRedis, database_url: str
) -> None:
    with FakeOpenAI.in_thread() as model:
        model.script(*[streams("Two cups.") for _ in range(2 * WAITING)])  # answers and titles
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_of_test.url, "OPENAI_BASE_URL": model.url}
        urls |= {"ASSISTANT_RUNNER": "taskiq", "ASSISTANT_WAIT_SECONDS": str(WAIT_SECONDS)}
        with Server(tmp_path, **urls) as web:
            visitors = [Visitor(web) for _ in range(WAITING)]
            for visitor in visitors:
                visitor.ask(web)
            with redis.Redis.from_url(redis_of_test.url) as client:
                client.flushall()
            with Worker(tmp_path, **urls):
                give_up_at = time.monotonic() + WITHIN
                statuses = ["streaming"]
                while "streaming" in statuses and time.monotonic() < give_up_at:
                    time.sleep(0.2)
                    statuses = [visitor.answers(web)[0]["status"] for visitor in visitors]

            assert statuses == ["complete"] * WAITING


@pytest.mark.parametrize("kind", [Server, Worker])
def test_a_process_stops_in_time_though_its_database_and_its_redis_hang(
    kind: type[Program], tmp_path: Path, redis_of_test: RestartableRedis, database_url: str
) -> None:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_of_test.url}
    program = kind(tmp_path, ASSISTANT_RUNNER="taskiq", DRAIN_SECONDS="1", OPENAI_BASE_URL="http://127.0.0.1:9", **urls)
    with program, psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE core_periodicjob IN ACCESS EXCLUSIVE MODE")
        give_up_at = time.monotonic() + 150
        while not waits_for_lock(database_url):
            assert time.monotonic() < give_up_at, "nothing hangs"
            time.sleep(0.1)
        with redis_of_test.frozen():
            started_at = time.monotonic()
            program.stop()

            assert time.monotonic() - started_at < STOPPED_WITHIN


def waits_for_lock(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return bool(connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
