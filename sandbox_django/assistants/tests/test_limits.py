"""Who may ask how much. Somebody pays for the tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.db.models import F
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from assistants.factories.conversation import ConversationFactory
from assistants.models import AssistantMessage, TokenSpending
from assistants.services.ai_service import ModelProblem, ModelUnavailable, Usage
from assistants.services.spending import ANSWER_RESERVE, forget_old_days
from assistants.tests.test_messages_api import ConversationCase
from core import throttling
from test_utils.openai_test_utils import scripted_model


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

    @override_settings(ASSISTANT_QUESTIONS_PER_MINUTE=1)
    def test_a_store_of_limits_that_is_away_lets_nobody_ask_more(self) -> None:
        with scripted_model("Yes."), mock.patch.object(throttling, "cache", None):
            assert [self.ask().status_code for _ in range(2)] == [201, 429]

    @override_settings(ASSISTANT_ANSWERS_AT_ONCE=1)
    def test_so_many_answers_at_once(self) -> None:
        self.running_answer(spender=f"person {self.alice.pk}")
        self.conversation = ConversationFactory.create(user=self.alice)

        self.assert_too_often(self.ask(), within=5)

    @override_settings(ASSISTANT_TOKENS_PER_DAY=2 * ANSWER_RESERVE)
    def test_so_many_tokens_a_day(self) -> None:
        with scripted_model("Yes.", Usage(input_tokens=900, output_tokens=200)):
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


class SpendingTests(ConversationCase):
    def spent(self) -> int:
        return TokenSpending.objects.get(spender=f"person {self.alice.pk}", day=datetime.now(UTC).date()).tokens

    def test_an_answer_costs_what_the_model_says(self) -> None:
        with scripted_model("Yes.", Usage(input_tokens=12, output_tokens=3)):
            self.ask()

        assert self.spent() == 15

    def test_where_the_model_does_not_say_it_costs_about_its_text(self) -> None:
        with scripted_model("y" * 400):
            self.ask("x" * 40)

        assert self.spent() == 400 // 4 + 1 + 40 // 4 + 1

    def test_an_answer_without_a_word_costs_nothing(self) -> None:
        with scripted_model(ModelUnavailable(ModelProblem.OVERLOADED)):
            self.ask()

        assert self.spent() == 0

    def test_old_days_are_forgotten(self) -> None:
        today = timezone.now().date()
        for days in (0, 32):
            TokenSpending.objects.create(spender="person 1", day=today - timedelta(days=days))

        assert forget_old_days() == 1
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
