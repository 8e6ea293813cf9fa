"""The API of conversations and their messages."""

from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock
from uuid import uuid4

from django.test import TransactionTestCase
from django.urls import reverse
from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.models import User
from assistants.factories import AnswerFactory, AssistantConversationFactory, QuestionFactory
from assistants.groups import conversation_feed
from assistants.llm.base import Finish, Turn, Usage
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.views.conversation_views import ConversationDetailView
from live import feeds
from test_utils.auth_api_test_case import bearer
from test_utils.openai_test_utils import scripted_model
from test_utils.queries import assert_queries
from test_utils.users import alice, mallory


class ConversationCase(TransactionTestCase):
    """Creates a conversation of Alice, and one without owner. Answers are written before the POST returns."""

    def setUp(self) -> None:
        self.alice, self.mallory = alice(), mallory()
        self.conversation = AssistantConversationFactory.create(user=self.alice, title="Rice")
        self.ownerless = AssistantConversationFactory.create(user=None, title="Salt")
        self.client_of_alice = self.client_of(self.alice)
        self.visitor = APIClient()

    def client_of(self, user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=bearer(user))
        return client

    def url(self, conversation: AssistantConversation, name: str = "list", *more: int | None) -> str:
        kind = "anonymous" if conversation.is_anonymous else "conversation"
        return reverse(f"{kind}-messages-{name}", args=[conversation.pk, *more])

    def ask(self, content: str = "How much water?", client: APIClient | None = None) -> Any:
        return (client or self.client_of_alice).post(self.url(self.conversation), {"content": content})

    def running_answer(self, **fields: Any) -> AssistantMessage:
        """Creates an answer that another process is writing."""
        lease = {"lease_expires_at": timezone.now() + timedelta(minutes=1), "worker": "another"}
        running = {"question__conversation": self.conversation, "status": Status.STREAMING, "content": "Two "}
        answer: AssistantMessage = AnswerFactory.create(**{**running, **lease, **fields})
        return answer


class OwnerlessConversation(BasePermission):
    def has_object_permission(self, request: Request, view: APIView, obj: object) -> bool:
        return False


class WhoMayTests(ConversationCase):
    def test_strangers_find_no_conversation_of_mine(self) -> None:
        question = QuestionFactory.create(conversation=self.conversation)
        stranger = self.client_of(self.mallory)
        for method, url in [
            ("get", self.url(self.conversation)),
            ("post", self.url(self.conversation)),
            ("get", self.url(self.conversation, "detail", question.pk)),
            ("post", self.url(self.conversation, "stop", question.pk)),
            ("post", self.url(self.conversation, "retry", question.pk)),
            ("post", self.url(self.conversation, "regenerate", question.pk)),
            ("get", reverse("assistant-conversations-detail", args=[self.conversation.pk])),
            ("patch", reverse("assistant-conversations-detail", args=[self.conversation.pk])),
            ("delete", reverse("assistant-conversations-detail", args=[self.conversation.pk])),
        ]:
            with self.subTest(method=method, url=url):
                assert getattr(stranger, method)(url, {"content": "Hi"}).status_code == 404
                assert getattr(self.visitor, method)(url, {"content": "Hi"}).status_code == 401
        assert AssistantMessage.objects.count() == 1

    def test_a_permission_that_looks_at_the_conversation_is_asked(self) -> None:
        url = reverse("assistant-conversations-detail", args=[self.conversation.pk])

        with mock.patch.object(ConversationDetailView, "permission_classes", [OwnerlessConversation]):
            assert self.client_of_alice.patch(url, {"title": "Salt"}).status_code == 403

        self.conversation.refresh_from_db()
        assert self.conversation.title == "Rice"

    def test_an_owned_conversation_is_not_open_to_visitors(self) -> None:
        url = reverse("anonymous-messages-list", args=[self.conversation.pk])

        assert self.visitor.get(url).status_code == 404
        assert self.client_of_alice.post(url, {"content": "Hi"}).status_code == 404

    def test_all_with_its_id_read_and_write_in_a_conversation_without_owner(self) -> None:
        with scripted_model("Hello"):
            assert self.visitor.post(self.url(self.ownerless), {"content": "Hi"}).status_code == 201

        listed = self.client_of(self.mallory).get(self.url(self.ownerless)).json()["results"]
        assert [message["content"] for message in listed] == ["Hi", "Hello"]

    def test_a_conversation_that_is_not_there_is_404(self) -> None:
        assert self.visitor.get(reverse("anonymous-messages-list", args=[uuid4()])).status_code == 404


class AskingTests(ConversationCase):
    def test_refused_questions_are_not_stored(self) -> None:
        for body in [{}, {"content": ""}, {"content": "  "}, {"content": "x" * 32_001}, {"content": "a\x00b"}]:
            with self.subTest(body=str(body)[:40]):
                response = self.client_of_alice.post(self.url(self.conversation), body)

                assert response.status_code == 400
                assert response.json()["errors"][0]["attr"] == "content"
        assert not AssistantMessage.objects.exists()

    def test_a_question_is_stored_and_returned_at_once(self) -> None:
        with scripted_model("Two ", "cups."):
            response = self.ask("How much water? 🍚")

        assert response.status_code == 201
        question = AssistantMessage.objects.get(pk=response.json()["id"])
        assert response.json() == {
            "id": question.pk,
            "content": "How much water? 🍚",
            "messageType": "user",
            "status": "complete",
            "createdAt": question.created_at.isoformat().replace("+00:00", "Z"),
            "formattedCreatedAt": response.json()["formattedCreatedAt"],
        }
        assert response.json() == self.client_of_alice.get(self.url(self.conversation)).json()["results"][0]

    def test_the_answer_is_stored_with_what_it_cost(self) -> None:
        with scripted_model("**Two** ", "cups.", Finish(usage=Usage(input_tokens=12, output_tokens=3))):
            question = self.ask().json()

        _, answer = self.client_of_alice.get(self.url(self.conversation)).json()["results"]
        assert answer["questionId"] == question["id"]
        assert (answer["content"], answer["status"], answer["error"]) == ("**Two** cups.", "complete", "")
        assert answer["contentHtml"] == "<p><strong>Two</strong> cups.</p>\n"
        assert answer["errorDetail"] == ""
        assert answer["usage"] == {"inputTokens": 12, "outputTokens": 3}

    def test_a_second_question_while_an_answer_runs_is_a_conflict(self) -> None:
        self.running_answer()

        response = self.ask("And brown rice?")

        assert response.status_code == 409
        assert response.json()["errors"][0]["code"] == "answer_in_progress"

    def test_a_second_question_of_a_visitor_is_a_conflict_too(self) -> None:
        self.running_answer(question__conversation=self.ownerless)

        response = self.visitor.post(self.url(self.ownerless), {"content": "And sea salt?"})

        assert response.status_code == 409
        assert AssistantMessage.objects.count() == 2

    def test_a_question_sent_twice_with_its_key_is_asked_once(self) -> None:
        send = partial(self.client_of_alice.post, self.url(self.conversation), headers={"Idempotency-Key": "one"})
        with scripted_model("Yes.") as model:
            first = send({"content": "How much water?"})
            self.running_answer()  # a running answer must not affect the repetition of an earlier question
            twin = send({"content": "How much water?"})
            other = send({"content": "Something else"})

        assert (first.status_code, first.json()) == (twin.status_code, twin.json())
        assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotency_mismatch")
        assert len(model.received_turns) == 1

    def test_a_failing_model_leaves_the_question_and_what_was_written(self) -> None:
        with scripted_model("Two ", ModelUnavailable(ModelProblem.CUT_OFF)):
            self.ask()

        question, answer = AssistantMessage.objects.all()
        assert question.content == "How much water?"
        assert (answer.status, answer.error, answer.content) == ("failed", "model_cut_off", "Two ")
        listed = self.client_of_alice.get(self.url(self.conversation)).json()["results"]
        assert listed[1]["errorDetail"] == ModelProblem.CUT_OFF.message

    def test_an_unexpected_failure_ends_the_answer_too(self) -> None:
        with scripted_model("Two ", ZeroDivisionError()):
            self.ask()

        answer = AssistantMessage.objects.answers().get()
        assert (answer.status, answer.error, answer.content) == ("failed", "internal_error", "Two ")

    def test_the_model_gets_the_conversation_without_failed_attempts(self) -> None:
        first = QuestionFactory.create(conversation=self.conversation, content="Jasmine?")
        AnswerFactory.create(question=first, status=Status.FAILED, error="model_timeout", content="")
        AnswerFactory.create(question=first, content="One to one.")

        with scripted_model("More.") as model:
            self.ask("And brown?")

        turns = model.received_turns[0]
        assert turns[0].role == "system"
        assert turns[1:] == [
            Turn("user", "Jasmine?"),
            Turn("assistant", "One to one."),
            Turn("user", "And brown?"),
        ]

    def test_the_model_gets_the_newest_turns_within_the_budget(self) -> None:
        QuestionFactory.create(conversation=self.conversation, content="x" * 20)
        kept = QuestionFactory.create(conversation=self.conversation, content="y" * 20)

        with self.settings(ASSISTANT_HISTORY_TOKENS=10), scripted_model("More.") as model:
            self.ask("z" * 10)

        assert [turn.content for turn in model.received_turns[0][1:]] == [f"{kept.content}\n\n{'z' * 10}"]

    def test_asking_makes_the_conversation_the_newest_active(self) -> None:
        AssistantConversationFactory.create(user=self.alice, title="Newer")
        with scripted_model("Yes."):
            self.ask()

        listed = self.client_of_alice.get(reverse("assistant-conversations-list")).json()["results"]
        assert [conversation["title"] for conversation in listed] == ["Rice", "Newer"]

    def test_posting_costs_few_queries(self) -> None:
        with scripted_model("Yes."), assert_queries(17):  # includes those of the answer, which is written inline
            self.ask()


class StopAndRetryTests(ConversationCase):
    def test_stop_asks_the_writer_wherever_it_is(self) -> None:
        answer = self.running_answer()

        response = self.client_of_alice.post(self.url(self.conversation, "stop", answer.question_id))

        assert response.status_code == 202
        assert response.json()["id"] == answer.pk
        answer.refresh_from_db()
        assert answer.stop_requested
        assert answer.status == "streaming"

    def test_stop_ends_an_answer_without_a_writer(self) -> None:
        expired = timezone.now() - timedelta(seconds=1)
        answer = self.running_answer(lease_expires_at=expired)

        self.client_of_alice.post(self.url(self.conversation, "stop", answer.pk))

        answer.refresh_from_db()
        assert (answer.status, answer.content) == ("stopped", "Two ")

    def test_stop_leaves_an_answer_alone_that_has_ended(self) -> None:
        answer = AnswerFactory.create(question__conversation=self.conversation)

        response = self.client_of_alice.post(self.url(self.conversation, "stop", answer.pk))

        assert (response.status_code, response.json()["status"]) == (202, "complete")

    def test_retry_adds_an_answer_to_the_same_question(self) -> None:
        failed = AnswerFactory.create(
            question__conversation=self.conversation, status=Status.FAILED, error="model_timeout"
        )
        with scripted_model("Now it works."):
            response = self.client_of_alice.post(self.url(self.conversation, "retry", failed.pk))

        assert response.status_code == 202
        assert response.json()["questionId"] == failed.question_id
        answers = AssistantMessage.objects.answers().filter(question=failed.question_id)
        assert [(answer.status, answer.content) for answer in answers] == [
            ("failed", failed.content),
            ("complete", "Now it works."),
        ]
        assert response.json()["id"] == answers[1].pk

    def test_only_the_newest_question_is_answered_again(self) -> None:
        old = AnswerFactory.create(question__conversation=self.conversation)
        QuestionFactory.create(conversation=self.conversation)

        response = self.client_of_alice.post(self.url(self.conversation, "regenerate", old.pk))

        assert (response.status_code, response.json()["errors"][0]["code"]) == (409, "nothing_to_retry")

    def test_retry_while_an_answer_runs_is_a_conflict(self) -> None:
        answer = self.running_answer()

        response = self.client_of_alice.post(self.url(self.conversation, "retry", answer.question_id))

        assert response.status_code == 409
        assert AssistantMessage.objects.answers().count() == 1


class ListTests(ConversationCase):
    def test_the_feeds_number_comes_with_the_messages(self) -> None:
        with scripted_model("Yes."):
            self.ask()

        response = self.client_of_alice.get(self.url(self.conversation))

        assert response["Feed-Seq"] == str(feeds.head(conversation_feed(self.conversation.pk))) == "2"

    def test_pages_go_upward_and_catch_up(self) -> None:
        ids = [QuestionFactory.create(conversation=self.conversation).pk for _ in range(5)]

        before = self.client_of_alice.get(self.url(self.conversation), {"before": ids[3], "limit": 2}).json()
        after = self.client_of_alice.get(self.url(self.conversation), {"after": ids[2]}).json()

        assert [message["id"] for message in before["results"]] == ids[1:3]
        assert [message["id"] for message in after["results"]] == ids[3:]

    def test_a_long_list_costs_no_query_per_message(self) -> None:
        for _ in range(10):
            AnswerFactory.create(question__conversation=self.conversation)
        client = self.client_of_alice
        client.get(self.url(self.conversation))

        with assert_queries(5):
            assert len(client.get(self.url(self.conversation)).json()["results"]) == 20


class ConversationTests(ConversationCase):
    def test_a_visitor_starts_a_conversation(self) -> None:
        response = self.visitor.post(reverse("create-anonymous-conversation"))

        assert response.status_code == 201
        conversation = AssistantConversation.objects.get(pk=response.json()["id"])
        assert conversation.is_anonymous
        assert response.json()["isAnonymous"] is True
        assert set(response.json()) == {"id", "title", "isAnonymous", "createdAt"}

    def test_i_start_rename_search_and_delete_mine(self) -> None:
        created = self.client_of_alice.post(reverse("assistant-conversations-list"), {"title": "Tea"}).json()
        url = reverse("assistant-conversations-detail", args=[created["id"]])

        renamed = self.client_of_alice.patch(url, {"title": "Green tea", "createdAt": "2001-01-01T00:00:00Z"}).json()
        found = self.client_of_alice.get(reverse("assistant-conversations-list"), {"search": "green"}).json()

        assert (renamed["title"], renamed["createdAt"]) == ("Green tea", created["createdAt"])
        assert [conversation["id"] for conversation in found["results"]] == [created["id"]]
        assert self.client_of_alice.delete(url).status_code == 204
        assert not AssistantConversation.objects.filter(pk=created["id"]).exists()
