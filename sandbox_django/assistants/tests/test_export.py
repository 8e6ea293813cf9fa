from django.test import TestCase

from accounts.models import User
from assistants.factories import AnswerFactory, AssistantConversationFactory, QuestionFactory
from assistants.llm.errors import ModelProblem
from assistants.models import AssistantConversation
from assistants.models.assistant_message import Status
from test_utils import users
from test_utils.queries import assert_queries


def export_of(conversation: AssistantConversation) -> str:
    return f"/assistants/{conversation.pk}/export.md"


class ExportTests(TestCase):
    alice: User
    conversation: AssistantConversation

    @classmethod
    def setUpTestData(cls) -> None:
        cls.alice = users.alice()
        cls.conversation = AssistantConversationFactory.create(user=cls.alice, title="Cooking rice")

    def export(self) -> str:
        self.client.force_login(self.alice)
        return self.client.get(export_of(self.conversation)).content.decode()

    def test_mine_does_not_exist_for_others(self) -> None:
        assert self.client.get(export_of(self.conversation)).status_code == 404
        self.client.force_login(users.mallory())
        assert self.client.get(export_of(self.conversation)).status_code == 404

    def test_one_without_owner_is_open_to_all_with_its_address(self) -> None:
        ownerless = AssistantConversationFactory.create(user=None)

        assert self.client.get(export_of(ownerless)).status_code == 200

    def test_each_question_stands_with_its_newest_answer(self) -> None:
        rice = QuestionFactory.create(conversation=self.conversation, content="How long?")
        AnswerFactory.create(question=rice, content="Five minutes.")
        AnswerFactory.create(question=rice, content="**Twelve** minutes.\n\n```python\nboil(12)\n```\n")
        brown = QuestionFactory.create(conversation=self.conversation, content="And brown rice?")
        AnswerFactory.create(question=brown, content="Longer.")

        assert self.export() == (
            "# Cooking rice\n\n"
            "## Question\n\nHow long?\n\n"
            "## Answer\n\n**Twelve** minutes.\n\n```python\nboil(12)\n```\n\n"
            "## Question\n\nAnd brown rice?\n\n"
            "## Answer\n\nLonger.\n"
        )

    def test_unfinished_answers_are_marked_in_the_export(self) -> None:
        question = QuestionFactory.create(conversation=self.conversation)
        code = ModelProblem.CUT_OFF.value
        answer = AnswerFactory.create(question=question, content="Twelve minu", status=Status.FAILED, error=code)

        assert f"Twelve minu\n\n*{ModelProblem.CUT_OFF.message}*" in self.export()
        for status, words in ((Status.STOPPED, "was stopped"), (Status.STREAMING, "was still being written")):
            answer.status = status
            answer.save(update_fields=["status"])
            assert f"Twelve minu\n\n*This answer {words}.*" in self.export()

    def test_file_is_named_after_the_conversation_and_by_nothing_that_could_do_harm(self) -> None:
        self.client.force_login(self.alice)
        for title, name in (
            ('Cooking "rice"\r\nX: y', 'filename="cooking-rice-x-y.md"'),
            ("../../etc/passwd", 'filename="etcpasswd.md"'),
            ("Hội An", "filename*=utf-8''h%E1%BB%99i-an.md"),
            ("", 'filename="conversation.md"'),
            ("a" * 200, f'filename="{"a" * 60}.md"'),
        ):
            with self.subTest(title):
                self.conversation.title = title
                self.conversation.save(update_fields=["title"])

                response = self.client.get(export_of(self.conversation))

                assert response["Content-Disposition"] == f"attachment; {name}"
                assert response["Content-Type"] == "text/markdown; charset=utf-8"

    def test_it_costs_the_same_however_long_the_conversation_is(self) -> None:
        self.client.force_login(self.alice)
        for _ in range(5):
            AnswerFactory.create(question=QuestionFactory.create(conversation=self.conversation))

        with assert_queries(4):  # session, user, conversation, messages
            self.client.get(export_of(self.conversation))
