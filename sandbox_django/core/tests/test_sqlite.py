"""Writers on SQLite get their turn in the order of their requests."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase

from core.sqlite3.base import WriteQueue, queues
from live.models import Feed

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite")

TIMEOUT = 20.0


def wait_until(holds: Any) -> None:
    end = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


class WriterTests(TransactionTestCase):
    def queue(self) -> WriteQueue:
        return queues[str(connection.settings_dict["NAME"])]

    def test_writers_come_in_the_order_in_which_they_asked(self) -> None:
        written: list[int] = []

        def write(number: int) -> None:
            try:
                with transaction.atomic():
                    Feed.objects.create(name=f"feed {number}")
                    written.append(number)
            finally:
                connection.close()

        with ThreadPoolExecutor(12) as threads, transaction.atomic():
            for number in range(12):
                threads.submit(write, number)
                wait_until(lambda number=number: self.queue().waiting == number + 1)
            assert written == []

        assert written == list(range(12))
        assert Feed.objects.count() == 12

    def test_a_turn_is_given_up_when_a_transaction_fails_or_its_connection_closes(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
        assert self.write_elsewhere() is None

        with transaction.atomic():
            connection.close()
        assert self.write_elsewhere() is None

    def test_a_job_after_the_commit_may_write(self) -> None:
        with transaction.atomic():
            transaction.on_commit(self.create)

        assert Feed.objects.count() == 1

    def test_a_writer_that_gets_no_turn_is_refused_by_sqlite_and_keeps_nobody_out(self) -> None:
        connection.settings_dict["OPTIONS"]["timeout"] = 0.05
        try:
            with transaction.atomic():
                Feed.objects.create(name="first")
                assert isinstance(self.write_elsewhere(busy_timeout=1), OperationalError)
            assert self.write_elsewhere() is None
        finally:
            connection.settings_dict["OPTIONS"]["timeout"] = 20

    def create(self) -> None:
        with transaction.atomic():
            Feed.objects.create(name="another")

    def write_elsewhere(self, *, busy_timeout: int | None = None) -> BaseException | None:
        """Writes from another thread; returns the errors."""
        failures: list[BaseException | None] = []

        def write() -> None:
            try:
                if busy_timeout is not None:
                    with connection.cursor() as cursor:
                        cursor.execute(f"PRAGMA busy_timeout={busy_timeout}")
                self.create()
                failures.append(None)
            except OperationalError as failure:
                failures.append(failure)
            finally:
                connection.close()

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(TIMEOUT)
        Feed.objects.filter(name="another").delete()
        [failure] = failures
        return failure
