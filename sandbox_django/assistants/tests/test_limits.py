"""Limits on questions, answers and tokens, which cost money."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.factories.user import UserFactory
from assistants.factories import AssistantConversationFactory
from assistants.llm.base import Finish, Reasoning, Usage
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.models import AssistantConversation, AssistantMessage, TokenSpending
from assistants.services import ai_service
from assistants.services.answer_writer import end_abandoned_answers
from assistants.services.quotas import ANSWER_RESERVE, QuotaHolder, delete_old_days, estimated_tokens, reserve
from assistants.services.titles import PROMPT, TITLE_RESERVE
from assistants.tasks.ai_service_tasks import task_generate_conversation_title
from assistants.tests.test_messages_api import ConversationCase
from test_utils.openai_test_utils import FakeOpenAI, Reply, refuses, scripted_model, streams


class LimitTests(ConversationCase):
    def assert_too_often(self, response: Any, *, within: float) -> None:
        assert response.status_code == 429
        assert response.json()["errors"][0]["code"] == "throttled"
        assert 0 < int(response["Retry-After"]) <= within

    @override_settings(ASSISTANT_QUESTIONS_PER_MINUTE=2)
    def test_so_many_questions_a_minute(self) -> None:
        with scripted_model("Yes."):
            assert [self.ask().status_code for _ in range(2)] == [201, 201]
            self.assert_too_often(self.ask(), within=60)

        assert AssistantMessage.objects.count() == 4

    @override_settings(ASSISTANT_QUESTIONS_PER_MINUTE=1)
    def test_after_a_minute_one_may_ask_again(self) -> None:
        with scripted_model("Yes."):
            self.ask()
            TokenSpending.objects.update(minute_began_at=F("minute_began_at") - 60)

            assert [self.ask().status_code for _ in range(2)] == [201, 429]

    @override_settings(ASSISTANT_ANSWERS_AT_ONCE=1)
    def test_so_many_answers_at_once(self) -> None:
        self.running_answer(quota_key=f"person {self.alice.pk}")
        self.conversation = AssistantConversationFactory.create(user=self.alice)

        self.assert_too_often(self.ask(), within=5)

    @override_settings(ASSISTANT_TOKENS_PER_DAY=2 * ANSWER_RESERVE)
    def test_so_many_tokens_a_day(self) -> None:
        with scripted_model("Yes.", Finish(usage=Usage(input_tokens=900, output_tokens=200))):
            assert self.ask().status_code == 201
            self.assert_too_often(self.ask(), within=24 * 60 * 60)

    @override_settings(ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE=1)
    def test_visitors_share_the_limits_of_their_address(self) -> None:
        url = self.url(self.ownerless)
        with scripted_model("Yes."):
            assert self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="10.0.0.1").status_code == 201
            self.assert_too_often(self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="10.0.0.1"), within=60)
            assert self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="10.0.0.2").status_code == 201

    @override_settings(ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE=1)
    def test_visitors_of_one_ipv6_network_share_its_limits(self) -> None:
        url = self.url(self.ownerless)
        with scripted_model("Yes."):
            assert self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="2001:db8::1").status_code == 201
            self.assert_too_often(self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="2001:db8::2"), within=60)
            assert self.visitor.post(url, {"content": "Hi"}, REMOTE_ADDR="2001:db8:0:1::1").status_code == 201

    def ask_as_others(self, count: int, address: str = "10.0.0.1") -> list[int]:
        """Asks one question from each of `count` new accounts; returns the status codes."""
        statuses = []
        for user in UserFactory.create_batch(count):
            conversation = AssistantConversationFactory.create(user=user)
            response = self.client_of(user).post(self.url(conversation), {"content": "Hi"}, REMOTE_ADDR=address)
            statuses.append(response.status_code)
        return statuses

    @override_settings(ASSISTANT_ADDRESS_QUESTIONS_PER_MINUTE=2)
    def test_accounts_of_one_address_share_its_questions_a_minute(self) -> None:
        with scripted_model("Yes."):
            assert self.ask_as_others(3) == [201, 201, 429]
            assert self.ask_as_others(1, "10.0.0.2") == [201]

    @override_settings(ASSISTANT_ADDRESS_ANSWERS_AT_ONCE=2)
    def test_accounts_of_one_address_share_its_answers_at_once(self) -> None:
        self.running_answer(address_key="everyone at 2001:db8:1:2::/64")
        self.running_answer(
            question__conversation=AssistantConversationFactory.create(user=None),
            address_key="everyone at 2001:db8:1:2::/64",
        )
        with scripted_model("Yes."):
            assert self.ask_as_others(1, "2001:db8:1:2::7") == [429]
            assert self.ask_as_others(1, "2001:db8:1:3::7") == [201]

    @override_settings(ASSISTANT_ADDRESS_TOKENS_PER_DAY=2 * ANSWER_RESERVE)
    def test_accounts_of_one_address_share_its_tokens(self) -> None:
        with scripted_model("Yes.", Finish(usage=Usage(input_tokens=900, output_tokens=200))):
            assert self.ask_as_others(2) == [201, 429]
            assert self.ask_as_others(1, "10.0.0.2") == [201]

    @override_settings(ASSISTANT_SITE_TOKENS_PER_DAY=2 * ANSWER_RESERVE)
    def test_the_site_has_a_shared_quota_with_a_message_of_its_own(self) -> None:
        with scripted_model("Yes.", Finish(usage=Usage(input_tokens=900, output_tokens=200))):
            assert self.ask_as_others(1) == [201]
            response = self.ask()

        error = response.json()["errors"][0]
        assert (response.status_code, error["code"]) == (429, "throttled")
        assert error["detail"] == "The assistant has reached this site's limit for today. Try again tomorrow."
        assert 0 < int(response["Retry-After"]) <= 24 * 60 * 60

    def test_a_question_that_is_refused_costs_nobody_anything(self) -> None:
        with override_settings(ASSISTANT_SITE_TOKENS_PER_DAY=1):
            assert self.ask().status_code == 429

        assert not TokenSpending.objects.exists()

    def test_the_limits_cost_three_statements(self) -> None:
        with (
            override_settings(ASSISTANT_SITE_TOKENS_PER_DAY=1_000_000),
            CaptureQueriesContext(connection) as queries,
            transaction.atomic(),
        ):
            reserve(QuotaHolder.of(self.alice, "10.0.0.1"), 10)

        assert len([query for query in queries if "assistants" in query["sql"]]) == 3

    @override_settings(ASSISTANT_QUESTIONS_PER_MINUTE=1)
    def test_retry_counts_as_asking(self) -> None:
        with scripted_model(ModelUnavailable(ModelProblem.TIMEOUT)):
            question = self.ask().json()
            self.assert_too_often(
                self.client_of_alice.post(self.url(self.conversation, "retry", question["id"])), within=60
            )

    @override_settings(ASSISTANT_QUESTIONS_PER_MINUTE=1)
    def test_a_question_sent_again_with_its_key_is_not_counted_twice(self) -> None:
        headers = {"Idempotency-Key": "one"}
        with scripted_model("Yes."):
            for _ in range(3):
                response = self.client_of_alice.post(self.url(self.conversation), {"content": "Hi"}, headers=headers)
                assert response.status_code == 201

    @override_settings(ASSISTANT_ANONYMOUS_CONVERSATIONS_PER_HOUR=2)
    def test_visitors_start_so_many_conversations_an_hour(self) -> None:
        url = reverse("create-anonymous-conversation")

        assert [self.visitor.post(url).status_code for _ in range(3)] == [201, 201, 429]

    @override_settings(LIMITS=False, ASSISTANT_QUESTIONS_PER_MINUTE=1, ASSISTANT_TOKENS_PER_DAY=1)
    def test_limits_can_be_lifted_for_load_tests(self) -> None:
        with scripted_model("Yes."):
            assert [self.ask().status_code for _ in range(3)] == [201] * 3


class QuotaTests(ConversationCase):
    def spent(self) -> int:
        return TokenSpending.objects.get(quota_key=f"person {self.alice.pk}", day=datetime.now(UTC).date()).tokens

    def test_an_answer_costs_what_the_model_says(self) -> None:
        with scripted_model("Yes.", Finish(usage=Usage(input_tokens=12, output_tokens=3))):
            self.ask()

        assert self.spent() == 15

    def sent(self, *contents: str) -> int:
        return sum(estimated_tokens(content) for content in (settings.ASSISTANT_SYSTEM_PROMPT, *contents))

    def test_without_a_reported_usage_the_cost_is_estimated_from_both_texts(self) -> None:
        with scripted_model("y" * 400):
            self.ask("x" * 40)
            first = self.sent("x" * 40) + estimated_tokens("y" * 400)
            assert self.spent() == first

            self.ask("z" * 80)
            second = self.sent("x" * 40, "y" * 400, "z" * 80) + estimated_tokens("y" * 400)
            assert self.spent() == first + second

    def test_an_answer_that_failed_after_it_was_asked_for_costs_what_was_sent(self) -> None:
        for problem in (ModelProblem.TIMEOUT, ModelProblem.CUT_OFF, ModelProblem.CONTENT_FILTERED):
            with self.subTest(problem=problem), scripted_model(ModelUnavailable(problem)):
                TokenSpending.objects.all().delete()
                self.conversation.messages.all().delete()
                self.ask("x" * 400)

                assert self.spent() == self.sent("x" * 400)

    def test_an_answer_that_failed_in_the_middle_costs_what_was_sent_and_received(self) -> None:
        with scripted_model("y" * 40, ModelUnavailable(ModelProblem.OVERLOADED)):
            self.ask("x" * 400)

        assert self.spent() == self.sent("x" * 400) + estimated_tokens("y" * 40)

    def test_a_question_that_the_model_did_not_process_costs_nothing(self) -> None:
        for problem in (ModelProblem.OVERLOADED, ModelProblem.UNREACHABLE, ModelProblem.AUTH, ModelProblem.QUOTA):
            with scripted_model(ModelUnavailable(problem)):
                self.ask()

        assert self.spent() == 0

    def test_reasoning_costs_tokens_too(self) -> None:
        reasoning = streams(
            b'data: {"choices": [{"delta": {"reasoning": "%s"}}]}\n\n' % (b"r" * 400), "Yes.", usage=None
        )
        with FakeOpenAI.in_thread(reasoning) as server, override_settings(OPENAI_BASE_URL=server.url):
            self.ask("Hi")

        assert self.spent() == self.sent("Hi") + estimated_tokens("Yes.") + 100

    def test_reasoning_of_an_answer_that_fails_is_charged(self) -> None:
        with scripted_model(Reasoning(300), "Yes.", Reasoning(100), ModelUnavailable(ModelProblem.TIMEOUT)):
            self.ask("Hi")

        assert self.spent() == self.sent("Hi") + estimated_tokens("Yes.") + 100

    def test_impossible_counts_are_not_charged(self) -> None:
        for usage in (Usage(0, 0), Usage(-5, -5), Usage(2**31, 2**31)):
            TokenSpending.objects.all().delete()
            self.conversation.messages.all().delete()
            with scripted_model("Yes.", Finish(usage=usage)):
                self.ask("Hi")

            assert self.spent() == self.sent("Hi") + estimated_tokens("Yes.")

    def test_an_abandoned_answer_costs_the_tokens_that_were_sent_if_it_had_begun(self) -> None:
        for worker, cost in (("another", 500 + estimated_tokens("Two ")), ("", 0)):
            with self.subTest(worker=worker):
                TokenSpending.objects.all().delete()
                key = f"person {self.alice.pk}"
                reserved = 500 + ANSWER_RESERVE
                TokenSpending.objects.create(quota_key=key, day=timezone.now().astimezone(UTC).date(), tokens=reserved)
                self.running_answer(
                    quota_key=key,
                    reserved_tokens=reserved,
                    worker=worker,
                    content="Two " if worker else "",
                    lease_expires_at=timezone.now() - timedelta(seconds=1),
                )

                async_to_sync(end_abandoned_answers)()

                assert self.spent() == cost

    @override_settings(ASSISTANT_SITE_TOKENS_PER_DAY=1_000_000)
    def test_the_address_and_the_site_are_charged_the_same(self) -> None:
        with scripted_model("Yes.", Finish(usage=Usage(input_tokens=12, output_tokens=3))):
            self.ask()

        spent = dict(TokenSpending.objects.values_list("quota_key", "tokens"))
        assert spent == {f"person {self.alice.pk}": 15, "everyone at 127.0.0.1": 15, "site": 15}

    def ask_and_name(self, *replies: Reply) -> None:
        """Asks the first question of a conversation, then generates its title; `replies` answer that request."""
        with FakeOpenAI.in_thread(streams("Yes.", usage=(11, 2)), *replies) as server:
            with override_settings(OPENAI_BASE_URL=server.url):
                question_id = self.ask("x" * 400).json()["id"]
                AssistantConversation.objects.update(title="")  # now it needs a title, which was not requested before
                async_to_sync(task_generate_conversation_title)(question_id)
            assert len(server.requests) == 2

    @override_settings(ASSISTANT_SITE_TOKENS_PER_DAY=1_000_000)
    def test_a_title_is_charged_like_its_answer_to_the_same_quotas(self) -> None:
        self.ask_and_name(streams("Yes.", usage=(11, 2)))

        keys = (f"person {self.alice.pk}", "everyone at 127.0.0.1", "site")
        assert dict(TokenSpending.objects.values_list("quota_key", "tokens")) == dict.fromkeys(keys, 26)

    def test_a_title_of_unknown_cost_is_charged_by_its_length(self) -> None:
        self.ask_and_name(streams("Agreement", usage=None))

        title = estimated_tokens(PROMPT) + estimated_tokens("x" * 400) + estimated_tokens("Agreement")
        assert self.spent() == 13 + title

    def test_a_title_that_the_model_did_not_process_costs_nothing(self) -> None:
        self.ask_and_name(refuses(401))

        assert self.spent() == 13

    def test_a_title_costs_an_estimate_from_the_moment_it_is_asked_for(self) -> None:
        with (
            mock.patch.object(
                ai_service, "complete", side_effect=ZeroDivisionError
            ),  # simulates a crash of the process
            pytest.raises(ZeroDivisionError),
        ):
            self.ask_and_name()

        assert self.spent() == 13 + estimated_tokens(PROMPT) + estimated_tokens("x" * 400) + TITLE_RESERVE

    def test_old_days_are_deleted(self) -> None:
        today = timezone.now().date()
        for days in (0, 32):
            TokenSpending.objects.create(quota_key="person 1", day=today - timedelta(days=days))

        assert delete_old_days() == 1
        assert TokenSpending.objects.get().day == today


@override_settings(ASSISTANT_MODELS=["small", "large"], OPENAI_MODEL="small")
class ChoiceTests(ConversationCase):
    def test_only_what_the_site_allows_can_be_chosen(self) -> None:
        url = reverse("assistant-conversations-detail", args=[self.conversation.pk])

        response = self.client_of_alice.patch(url, {"model": "the most expensive"})

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "model"

    def test_the_choices_are_listed_and_one_is_kept_for_a_conversation(self) -> None:
        url = reverse("assistant-conversations-detail", args=[self.conversation.pk])

        assert self.visitor.get(reverse("assistant-models")).json() == ["small", "large"]
        assert self.client_of_alice.patch(url, {"model": "large"}).json()["model"] == "large"

    def test_a_visitor_chooses_when_they_start(self) -> None:
        self.visitor.post(reverse("create-anonymous-conversation"), {"model": "large"})

        assert self.ownerless.__class__.objects.filter(user=None, model="large").exists()
