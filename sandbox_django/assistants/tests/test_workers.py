"""Workers answer queued questions: each within a minute, and only once if its job is delivered several times."""

import re
from datetime import timedelta
from unittest import mock

from django.core.management import call_command
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone

from assistants.models import AssistantConversation, AssistantMessage
from assistants.services import waiting
from assistants.services.answers import ActiveAnswer, claim_answer
from assistants.tasks.assistant_tasks import task_handle_new_assistant_message, task_requeue_waiting_answers
from assistants.tests.test_messages_api import ConversationCase
from core import queue
from live.layers import RedisLayer
from runtime import jobs
from test_utils.openai_test_utils import scripted_model


@override_settings(ASSISTANT_RUNNER="taskiq", ASSISTANT_LEASE_SECONDS=1, ASSISTANT_WAIT_SECONDS=60)
class WorkerTests(ConversationCase):
    def setUp(self) -> None:
        super().setUp()
        self.put = self.enterContext(mock.patch.object(queue, "put"))

    def test_a_question_waits_in_the_queue_for_longer_than_a_lease(self) -> None:
        question = self.ask().json()

        self.put.assert_called_once_with(task_handle_new_assistant_message, question["id"])
        answer = AssistantMessage.objects.answers().get()
        assert (answer.status, answer.worker) == ("streaming", "")
        assert answer.lease_expires_at is not None
        assert answer.lease_expires_at > timezone.now() + timedelta(seconds=50)

    def test_a_job_that_comes_again_after_it_was_begun_writes_nothing_and_leaves_its_end_to_the_sweep(self) -> None:
        dead = self.running_answer(lease_expires_at=timezone.now() + timedelta(minutes=1))
        assert dead.question_id is not None
        with scripted_model("Twice.") as model:
            jobs.run(task_handle_new_assistant_message, dead.question_id)
        dead.refresh_from_db()
        assert (dead.status, dead.content, model.received_turns) == ("streaming", "Two ", [])

        AssistantMessage.objects.filter(pk=dead.pk).update(lease_expires_at=timezone.now())
        call_command("end_abandoned_answers", verbosity=0)

        dead.refresh_from_db()
        assert (dead.status, dead.error, dead.content) == ("failed", "interrupted", "Two ")

    def test_a_claim_that_fails_while_the_database_is_down_is_made_again(self) -> None:
        for is_stored in (False, True):
            with self.subTest(is_stored=is_stored), scripted_model("Two cups."):
                question = self.ask().json()
                attempts = []

                def claim(question_id: int, *, claimant: str, is_stored: bool = is_stored) -> ActiveAnswer | None:
                    attempts.append(claimant)  # noqa: B023  # called in the same iteration
                    if len(attempts) == 2 and is_stored:  # noqa: B023  # the same
                        claim_answer(question_id, claimant=claimant)  # the claim is stored, but not confirmed
                    if len(attempts) < 3:  # noqa: B023  # the same
                        raise OperationalError("server closed the connection unexpectedly")
                    return claim_answer(question_id, claimant=claimant)

                with (
                    mock.patch.object(waiting, "claim_answer", claim),
                    mock.patch.object(waiting, "RETRY_DELAY", 0),
                    self.assertLogs("assistants.services.waiting", "WARNING"),
                ):
                    jobs.run(task_handle_new_assistant_message, question["id"])

                answer = AssistantMessage.objects.answers().latest("pk")
                assert (answer.status, answer.content) == ("complete", "Two cups.")

    def test_questions_that_an_emptied_redis_has_lost_are_queued_again(self) -> None:
        known, forgotten, fresh = (self.ask_in_new_conversation() for _ in range(3))
        AssistantMessage.objects.filter(question_id__in=[known, forgotten]).update(
            created_at=timezone.now() - timedelta(seconds=5)
        )
        self.put.reset_mock()

        with mock.patch.object(queue, "queued_args", return_value={(known,)}):
            jobs.run(task_requeue_waiting_answers)

        self.put.assert_called_once_with(task_handle_new_assistant_message, forgotten)
        assert fresh not in [call.args[1] for call in self.put.call_args_list]

    def test_nothing_is_queued_again_while_redis_is_down_or_has_too_much_to_list(self) -> None:
        self.ask()
        AssistantMessage.objects.answers().update(created_at=timezone.now() - timedelta(seconds=5))
        self.put.reset_mock()

        for listed in (ConnectionError, [None]):
            with self.subTest(listed), mock.patch.object(queue, "queued_args", side_effect=listed):
                jobs.run(task_requeue_waiting_answers)

        self.put.assert_not_called()

    def test_metrics_have_the_number_of_waiting_answers_and_the_longest_wait(self) -> None:
        assert self.export_metrics() == {"waiting": 0, "running": 0, "oldest_waiting": 0, "oldest_unanswered": 0}

        self.running_answer(lease_expires_at=timezone.now() + timedelta(minutes=1))
        waiting, silent = self.ask_in_new_conversation(), self.ask_in_new_conversation()
        AssistantMessage.objects.filter(question_id=waiting).update(created_at=timezone.now() - timedelta(seconds=30))
        AssistantMessage.objects.filter(question_id=silent).update(
            created_at=timezone.now() - timedelta(seconds=60), worker="somebody"
        )

        assert self.export_metrics() == {"waiting": 1, "running": 2, "oldest_waiting": 30, "oldest_unanswered": 60}

    def export_metrics(self) -> dict[str, int]:
        """Returns the current metrics, without queries to Redis."""
        with override_settings(METRICS_TOKEN="right"), mock.patch.object(RedisLayer, "connection", side_effect=OSError):
            text = self.client.get("/metrics", headers={"Authorization": "Bearer right"}).content.decode()
        found = re.findall(r'^sandbox_(?:queue_jobs\{state="(\w+)"\}|(oldest_\w+)_seconds) (\S+)$', text, re.MULTILINE)
        return {state or name: int(float(value)) for state, name, value in found}

    def ask_in_new_conversation(self) -> int:
        conversation = AssistantConversation.objects.create(user=self.alice)
        asked = self.client_of_alice.post(self.url(conversation), {"content": "How much water?"})
        question: int = asked.json()["id"]
        return question

    def test_a_question_that_no_worker_takes_is_ended_and_can_be_asked_again(self) -> None:
        question = self.ask().json()
        AssistantMessage.objects.answers().update(lease_expires_at=timezone.now())

        call_command("end_abandoned_answers", verbosity=0)

        assert AssistantMessage.objects.answers().get().status == "failed"
        assert self.client_of_alice.post(self.url(self.conversation, "retry", question["id"])).status_code == 202
