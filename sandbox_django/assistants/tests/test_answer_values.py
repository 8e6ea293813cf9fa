"""An answer ends and is stored, whatever values the provider sends."""

import time
from unittest import mock

from asgiref.sync import async_to_sync
from django.test import override_settings

from assistants.llm.base import Finish, Usage
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.models import AssistantConversation, AssistantMessage
from assistants.tasks.ai_service_tasks import task_generate_conversation_title
from assistants.tests.test_messages_api import ConversationCase
from test_utils.openai_test_utils import FakeOpenAI, Gate, Reply, scripted_model, streams


class AnswerValuesTests(ConversationCase):
    def answer_of(self, *chunks: str | Finish | Gate | BaseException) -> AssistantMessage:
        with scripted_model(*chunks):
            assert self.ask().status_code == 201
        return AssistantMessage.objects.answers().latest("pk")

    def test_impossible_counts_of_tokens_are_clamped_and_the_answer_is_stored(self) -> None:
        for usage, stored in [
            (Usage(11, -35), (11, 0)),
            (Usage(-1, 2**63), (0, 2**31 - 1)),
            (Usage(10**400, 7), (2**31 - 1, 7)),
        ]:
            with self.subTest(usage=usage):
                answer = self.answer_of("Two cups.", Finish(usage=usage))

                assert (answer.status, answer.content) == ("complete", "Two cups.")
                assert (answer.input_tokens, answer.output_tokens) == stored

    def test_the_cost_of_a_failed_answer_is_stored_too(self) -> None:
        answer = self.answer_of("Two ", ModelUnavailable(ModelProblem.CONTENT_FILTERED, usage=Usage(11, 2)))

        assert (answer.status, answer.input_tokens, answer.output_tokens) == ("failed", 11, 2)

    def test_a_value_that_the_database_refuses_fails_the_answer_at_once_and_keeps_its_text(self) -> None:
        began_at = time.monotonic()
        with mock.patch.object(Usage, "storable", lambda usage: usage):
            answer = self.answer_of("Two cups.", Finish(usage=Usage(-35, 7)))

        assert (answer.status, answer.error, answer.content) == ("failed", "internal_error", "Two cups.")
        assert time.monotonic() - began_at < 5  # it was not retried

    def test_a_long_name_of_a_model_is_stored_as_far_as_it_fits(self) -> None:
        with FakeOpenAI.in_thread() as server, override_settings(OPENAI_BASE_URL=server.url, OPENAI_MODEL="m" * 300):
            self.ask()

        answer = AssistantMessage.objects.answers().get()
        assert (answer.status, answer.content, answer.model) == ("complete", "Hello, world.", "m" * 100)

    def test_text_that_the_database_cannot_store_is_repaired(self) -> None:
        replies = [streams("a\x00b", "\x00", "c\ud83d", "é🙂", "\ud83d", "\ude42"), streams("A\x00 title \ud83d")]
        self.conversation.title = ""
        self.conversation.save()
        for transport in ("langchain", "direct"):
            with (
                FakeOpenAI.in_thread(*replies) as server,
                override_settings(OPENAI_BASE_URL=server.url, OPENAI_TRANSPORT=transport),
            ):
                self.ask()

            answer = AssistantMessage.objects.answers().latest("pk")
            assert (answer.status, answer.content) == ("complete", "abc�é🙂🙂")
        self.conversation.refresh_from_db()
        assert self.conversation.title == "A title �"

    def test_reasoning_is_in_no_title_and_in_no_history(self) -> None:
        self.conversation.title = ""
        self.conversation.save()
        reply = streams("<think>Rice, then?</think>\n\n", "Two cups.")  # both for the answer and for the title
        with FakeOpenAI.in_thread(reply) as server, override_settings(OPENAI_BASE_URL=server.url):
            self.ask()
            self.ask("And brown?")

        self.conversation.refresh_from_db()
        asked = [[message["content"] for message in request.body["messages"]] for request in server.requests]
        sent = max((contents for contents in asked if contents[-1] == "And brown?"), key=len)  # not for a title
        assert self.conversation.title == "Two cups"
        assert sent[1:] == ["How much water?", "Two cups.", "And brown?"]

    def test_reasoning_that_only_has_a_closing_tag_is_not_stored(self) -> None:
        for transport in ("langchain", "direct"):
            reply = streams("Rice, ", "then?\n</thi", "nk>\n", "\nTwo cups.")  # both for the answer and for the title
            with (
                FakeOpenAI.in_thread(reply) as server,
                override_settings(OPENAI_BASE_URL=server.url, OPENAI_TRANSPORT=transport),
            ):
                self.ask()
                question_id = self.ask("And brown?").json()["id"]
                asked = [message["content"] for message in server.requests[-1].body["messages"]]
                AssistantConversation.objects.update(title="")
                async_to_sync(task_generate_conversation_title)(question_id)

            for answer in AssistantMessage.objects.answers():
                assert (answer.status, answer.content) == ("complete", "Two cups.")
                assert answer.content_html == "<p>Two cups.</p>\n"
            self.conversation.refresh_from_db()
            assert self.conversation.title == "Two cups"
            assert asked[-3:] == ["How much water?", "Two cups.", "And brown?"]

    def test_text_about_closing_tags_stays(self) -> None:
        for text in (
            "It writes <think>\nx\n</think>\n\nand then goes on.",
            "It ends with </think> and then goes on.",
            "```\n</think>\n```\nends it.",
            "One:\n</think>\nTwo:\n</think>\nThree",
            "Hm.\n</think>\n",
        ):
            with self.subTest(text):
                assert self.answer_of(text).content == text

    def test_a_title_that_is_none_is_replaced_by_the_questions_first_words(self) -> None:
        reply = streams("The user asks how much water rice needs. " * 5)
        with FakeOpenAI.in_thread(reply) as server, override_settings(OPENAI_BASE_URL=server.url):
            question_id = self.ask().json()["id"]
            AssistantConversation.objects.update(title="")
            async_to_sync(task_generate_conversation_title)(question_id)

        self.conversation.refresh_from_db()
        assert self.conversation.title == "How much water?"

    @override_settings(ASSISTANT_MAX_ANSWER_LENGTH=10)
    def test_an_answer_ends_at_the_limit_of_its_length(self) -> None:
        with FakeOpenAI.in_thread(streams(*["🍚 rice"] * 100, pause=0.02)) as server:
            for transport in ("langchain", "direct"):
                with override_settings(OPENAI_BASE_URL=server.url, OPENAI_TRANSPORT=transport):
                    self.ask()

                answer = AssistantMessage.objects.answers().latest("pk")
                assert (answer.status, answer.error) == ("complete", "cut_short")
                assert answer.content == "🍚 rice🍚 ri"
                server.requests[-1].wait_until_client_left()

    @override_settings(ASSISTANT_MAX_ANSWER_LENGTH=9)
    def test_an_answer_that_is_as_long_as_the_limit_is_whole(self) -> None:
        answer = self.answer_of("Two ", "cups.")

        assert (answer.content, answer.error) == ("Two cups.", "")

    def test_an_answer_that_is_not_streamed_is_stored_as_any_other(self) -> None:
        document = {"choices": [{"message": {"content": "Two cups."}, "finish_reason": "stop"}]}
        with FakeOpenAI.in_thread(Reply(error=document)) as server, override_settings(OPENAI_BASE_URL=server.url):
            self.ask()

        assert AssistantMessage.objects.answers().get().content == "Two cups."
