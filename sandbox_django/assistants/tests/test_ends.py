"""Storing the ends of several answers together can't deadlock with a checkpoint."""

import time
from concurrent.futures import ThreadPoolExecutor
from unittest import skipUnless

from django.db import connection, transaction
from django.test import TransactionTestCase

from assistants.answer_streams import stream_of
from assistants.factories import AnswerFactory
from assistants.models import AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services.answer_writer import AnswerResult, FinishedAnswer, _store_checkpoint, _store_ends
from test_utils.connections import with_own_connection

TIMEOUT = 20.0  # seconds


class EndsAndCheckpointsTests(TransactionTestCase):
    @skipUnless(connection.vendor == "postgresql", "SQLite lets in one writer at a time")
    def test_ends_and_a_checkpoint_of_the_same_answers_do_not_wait_for_each_other(self) -> None:
        answers = [AnswerFactory.create(status=Status.STREAMING, content="Two ") for _ in range(3)]
        outcome = AnswerResult(Status.COMPLETE)
        ends = [
            FinishedAnswer(stream_of(answer), answer.created_at, "Two cups.", outcome) for answer in reversed(answers)
        ]
        texts = [(answer.pk, "Two cups") for answer in answers]

        with ThreadPoolExecutor(2) as threads:
            with transaction.atomic():
                # Both transactions will wait for this row while they hold locks on other rows.
                AssistantMessage.objects.select_for_update().get(pk=answers[1].pk)
                ended = threads.submit(with_own_connection, _store_ends, ends, [""] * 3)
                wait_until_blocked(1)
                kept = threads.submit(with_own_connection, _store_checkpoint, texts)
                wait_until_blocked(2)
            assert ended.result() == [True] * 3
            assert kept.result() == {}  # the answers have ended, so none is left to write

        stored = AssistantMessage.objects.answers().values_list("status", "content")
        assert list(stored) == [("complete", "Two cups.")] * 3


def wait_until_blocked(count: int) -> None:
    """Waits until `count` transactions are waiting for a lock."""
    give_up_at = time.monotonic() + TIMEOUT
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone() == (count,):
                return
        assert time.monotonic() < give_up_at, "nobody waits"
