"""Answers that workers write: put into a queue, given a minute to begin, and written once however often delivered."""

from datetime import timedelta
from unittest import mock

from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from assistants.models import AssistantMessage
from assistants.tasks.assistant_tasks import task_handle_new_assistant_message
from assistants.tests.test_messages_api import ConversationCase
from core import queue, runner
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
            runner.run(task_handle_new_assistant_message, dead.question_id)
        dead.refresh_from_db()
        assert (dead.status, dead.content, model.heard) == ("streaming", "Two ", [])

        AssistantMessage.objects.filter(pk=dead.pk).update(lease_expires_at=timezone.now())
        call_command("end_abandoned_answers", verbosity=0)

        dead.refresh_from_db()
        assert (dead.status, dead.error, dead.content) == ("failed", "interrupted", "Two ")

    def test_a_question_that_no_worker_takes_is_ended_and_can_be_asked_again(self) -> None:
        question = self.ask().json()
        AssistantMessage.objects.answers().update(lease_expires_at=timezone.now())

        call_command("end_abandoned_answers", verbosity=0)

        assert AssistantMessage.objects.answers().get().status == "failed"
        assert self.client_of_alice.post(self.url(self.conversation, "retry", question["id"])).status_code == 202
