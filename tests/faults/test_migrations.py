"""A migration runs beside the site. While it waits for a lock, requests must not wait behind it."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from test_utils.databases import postgresql_database
from tests.servers import ROOT, Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LONGEST_WAIT = 10.0  # seconds: the timeout of the lock, and a margin for slow machines


def test_requests_do_not_wait_long_behind_a_migration_that_waits_for_a_lock(tmp_path: Path) -> None:
    with postgresql_database() as database_url:
        program = Server(tmp_path, DATABASE_URL=database_url)
        with psycopg.connect(database_url) as long_report:
            long_report.execute("SELECT count(*) FROM django_session")
            command = [sys.executable, "sandbox_django/manage.py", "migrate", "sessions", "zero", "--verbosity=0"]
            migration = subprocess.Popen(command, cwd=ROOT, env=program.env, stderr=subprocess.PIPE, text=True)
            wait_until_something_waits(database_url)

            started_at = time.monotonic()
            with psycopg.connect(database_url) as request:
                # This query waits behind the migration until the migration stops waiting for its lock.
                request.execute("SELECT count(*) FROM django_session")
            assert time.monotonic() - started_at < LONGEST_WAIT
            assert migration.poll() is None, "it gave up"

        output = migration.communicate(timeout=120)[1]
        assert migration.returncode == 0, output
        assert "Trying again" in output


def wait_until_something_waits(database_url: str) -> None:
    give_up_at = time.monotonic() + 150
    with psycopg.connect(database_url, autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            assert time.monotonic() < give_up_at, "the migration did not start"
            time.sleep(0.05)
