"""The dialogue sent to the model is valid, however earlier answers ended."""

from itertools import pairwise

from django.test import SimpleTestCase, override_settings
from hypothesis import given
from hypothesis import strategies as st

from assistants.factories import AnswerFactory, QuestionFactory
from assistants.llm.base import Turn
from assistants.models.assistant_message import Status
from assistants.services.history import HistoryMessage, turns_for
from assistants.tests.test_messages_api import ConversationCase
from test_utils.openai_test_utils import scripted_model

texts = st.sampled_from(["", " \n", "a", "Two cups.", "x" * 50])
errors = st.sampled_from(["", "model_timeout", "content_filtered", "context_too_long", "interrupted"])
exchanges = st.lists(st.tuples(texts, st.lists(st.tuples(texts, errors), max_size=3)), max_size=8)


class TurnsTests(SimpleTestCase):
    @given(exchanges, st.integers(0, 60), st.integers(0, 3), st.sampled_from(["", " ", "Be brief."]))
    def test_it_is_always_a_valid_dialogue_that_ends_with_the_question(
        self, exchanges: list[tuple[str, list[tuple[str, str]]]], budget: int, cut: int, prompt: str
    ) -> None:
        messages: list[HistoryMessage] = []
        for question, answers in exchanges:
            question_id = len(messages) + 1
            messages.append(HistoryMessage(question_id, question, None, "", "", ""))
            for text, error in answers:
                messages.append(HistoryMessage(len(messages) + 1, text, question_id, error, "", ""))
        # The oldest messages may be missing, because the number of messages is limited.
        messages = [*messages[cut:], HistoryMessage(len(messages) + 1, "And now?", None, "", "", "")]

        with override_settings(ASSISTANT_HISTORY_TOKENS=budget, ASSISTANT_SYSTEM_PROMPT=prompt):
            turns = turns_for(messages[::-1])

        if prompt.strip():
            assert turns.pop(0) == Turn("system", prompt)
        assert [turn.role for turn in (turns[0], turns[-1])] == ["user", "user"]
        assert turns[-1].content.endswith("And now?")
        assert all(first.role != second.role for first, second in pairwise(turns))
        assert all(turn.role != "system" and turn.content.strip() for turn in turns)


class SentHistoryTests(ConversationCase):
    def sent(self, content: str = "And brown?") -> list[Turn]:
        with scripted_model("More.") as model:
            assert self.ask(content).status_code == 201
        return model.received_turns[0][1:]

    def failed(self, question: str, error: str = "model_timeout", **fields: str) -> None:
        AnswerFactory.create(
            question=QuestionFactory.create(conversation=self.conversation, content=question),
            **{"status": Status.FAILED, "error": error, "content": "", **fields},
        )

    def test_a_question_whose_answer_failed_without_text_is_joined_with_the_next(self) -> None:
        self.failed("Here is my recipe.")
        self.failed("Is it", status=Status.STOPPED, error="")

        assert self.sent("too salty?") == [Turn("user", "Here is my recipe.\n\nIs it\n\ntoo salty?")]

    def test_a_question_that_the_model_refused_is_not_sent_again(self) -> None:
        for error in ("content_filtered", "context_too_long", "model_refused"):
            self.failed("Refused.", error)

        assert self.sent() == [Turn("user", "And brown?")]

    def test_a_partial_answer_is_sent_as_it_was_shown(self) -> None:
        self.failed("White?", content="Two cu")

        assert self.sent() == [Turn("user", "White?"), Turn("assistant", "Two cu"), Turn("user", "And brown?")]

    @override_settings(ASSISTANT_HISTORY_TOKENS=20)
    def test_an_answer_whose_question_is_beyond_the_budget_is_not_sent(self) -> None:
        question = QuestionFactory.create(conversation=self.conversation, content="x" * 400)
        AnswerFactory.create(question=question, content="Two cups.")

        assert self.sent() == [Turn("user", "And brown?")]

    @override_settings(ASSISTANT_SYSTEM_PROMPT=" ")
    def test_an_empty_system_prompt_is_not_sent(self) -> None:
        with scripted_model("More.") as model:
            self.ask()

        assert [turn.role for turn in model.received_turns[0]] == ["user"]
