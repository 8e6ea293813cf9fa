import re
from unittest import mock

from django.test import TestCase, override_settings

from accounts.models import User
from assistants.factories import AnswerFactory, AssistantConversationFactory, QuestionFactory
from assistants.groups import conversation_feed
from assistants.llm.errors import ModelProblem
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services.conversations import change_conversation, post_message
from live import feeds
from test_utils import users
from test_utils.openai_test_utils import scripted_model
from test_utils.queries import assert_queries


def page_of(conversation: AssistantConversation) -> str:
    return f"/assistants/{conversation.pk}/"


class WhoOpensAConversationTests(TestCase):
    alice: User
    conversation: AssistantConversation

    @classmethod
    def setUpTestData(cls) -> None:
        cls.alice = users.alice()
        cls.conversation = AssistantConversationFactory.create(user=cls.alice)

    def test_mine_does_not_exist_for_others(self) -> None:
        mallory = users.mallory()

        for visitor in (None, mallory):
            with self.subTest(visitor):
                if visitor:
                    self.client.force_login(visitor)

                assert self.client.get(page_of(self.conversation)).status_code == 404

    def test_mine_opens_for_me(self) -> None:
        self.client.force_login(self.alice)

        response = self.client.get(page_of(self.conversation))

        self.assertContains(response, f"/api/assistants/conversations/{self.conversation.pk}/messages/")

    def test_one_without_owner_opens_for_all_with_its_address(self) -> None:
        ownerless = AssistantConversationFactory.create(user=None)

        for visitor in (None, users.mallory()):
            with self.subTest(visitor):
                if visitor:
                    self.client.force_login(visitor)

                response = self.client.get(page_of(ownerless))

                self.assertContains(response, f"/api/assistants/anonymous/{ownerless.pk}/messages/")

    def test_pages_change_nothing(self) -> None:
        for path in ("/assistants/", page_of(self.conversation)):
            assert self.client.post(path).status_code == 405


class ConversationPageTests(TestCase):
    conversation: AssistantConversation

    @classmethod
    def setUpTestData(cls) -> None:
        cls.conversation = AssistantConversationFactory.create(user=None)

    def test_events_while_the_page_is_rendered_are_on_it_or_sent_later(self) -> None:
        asked, title = "Asked in between", "Named in between"

        def happen_first(name: str) -> int:
            post_message(self.conversation, content=asked)
            change_conversation(self.conversation, title=title)
            return head(name)

        head = feeds.head
        with scripted_model("Yes."), mock.patch("assistants.views.page_views.feeds.head", happen_first):
            response = self.client.get(page_of(self.conversation))

        # The socket starts after the event with this sequence number, so the page must show all changes up to it.
        self.assertContains(response, f'data-since="{feeds.head(conversation_feed(self.conversation.pk))}"')
        self.assertContains(response, asked)
        self.assertContains(response, f"<h1 data-title>{title}</h1>")

    def test_newest_messages_are_shown_oldest_first(self) -> None:
        for number in range(60):
            QuestionFactory.create(conversation=self.conversation, content=f"Question {number}.")

        page = self.client.get(page_of(self.conversation)).content.decode()

        assert re.findall(r"Question (\d+)\.", page) == [str(number) for number in range(10, 60)]
        assert "Show earlier messages" in page

    def test_short_conversation_has_no_earlier_messages(self) -> None:
        AnswerFactory.create(question__conversation=self.conversation)

        self.assertNotContains(self.client.get(page_of(self.conversation)), "Show earlier messages")

    def test_attempts_stand_with_their_question(self) -> None:
        question = QuestionFactory.create(conversation=self.conversation)
        AnswerFactory.create(
            question=question, status=Status.FAILED, error=ModelProblem.AUTH.value, content_html="First."
        )
        AnswerFactory.create(question=question, content_html="Second.")

        response = self.client.get(page_of(self.conversation))

        self.assertContains(response, f'<section class="exchange" data-exchange="{question.pk}">', count=1)
        self.assertContains(response, ModelProblem.AUTH.message.replace("'", "&#x27;"))

    def test_finished_blocks_of_an_answer_that_is_being_written_are_drawn(self) -> None:
        question = QuestionFactory.create(conversation=self.conversation)
        AnswerFactory.create(question=question, status=Status.STREAMING, content="**One**\n\n<b>Two")

        response = self.client.get(page_of(self.conversation))

        self.assertContains(
            response,
            'data-length="15" data-drawn="0"><div class="message__text" data-tail>**One**\n\n&lt;b&gt;Two</div></div>',
        )
        AssistantMessage.objects.update(content="**One**\n\n<b>Two\n\nThree")
        self.assertContains(
            self.client.get(page_of(self.conversation)),
            'data-length="22" data-drawn="17"><p><strong>One</strong></p>\n<p>&lt;b&gt;Two</p>\n'
            '<div class="message__text" data-tail>Three</div></div>',
        )

    def test_answer_that_is_being_written_is_text_with_its_length(self) -> None:
        AnswerFactory.create(question__conversation=self.conversation, status=Status.STREAMING, content="<b>🎉\r\n")

        response = self.client.get(page_of(self.conversation))

        self.assertContains(response, 'data-status="streaming"')
        self.assertContains(
            response, 'data-length="6" data-drawn="0"><div class="message__text" data-tail>&lt;b&gt;🎉\r\n</div>'
        )

    def test_finished_answer_is_what_was_rendered_once(self) -> None:
        AnswerFactory.create(
            question__conversation=self.conversation, content="**x**", content_html="<p><strong>x</strong></p>"
        )

        self.assertContains(self.client.get(page_of(self.conversation)), "data-body><p><strong>x</strong></p></div>")

    def test_question_is_text(self) -> None:
        QuestionFactory.create(conversation=self.conversation, content="<script>alert(1)</script>")

        self.assertContains(self.client.get(page_of(self.conversation)), "&lt;script&gt;alert(1)&lt;/script&gt;")

    def test_page_asks_the_same_few_things_however_long_the_conversation(self) -> None:
        alice = users.alice()
        self.client.force_login(alice)
        conversation = AssistantConversationFactory.create(user=alice)
        AssistantConversationFactory.create_batch(3, user=alice)
        for _ in range(20):
            AnswerFactory.create(question__conversation=conversation)

        # Session, user, conversation, head, messages, list.
        with assert_queries(6):
            self.client.get(page_of(conversation))

    def test_page_is_never_kept_by_caches(self) -> None:
        assert "no-store" in self.client.get(page_of(self.conversation)).headers["Cache-Control"]

    def test_demo_model_is_marked_as_one(self) -> None:
        with override_settings(OPENAI_API_KEY="", OPENAI_BASE_URL=""):
            self.assertContains(self.client.get(page_of(self.conversation)), "demo model")
            self.assertContains(self.client.get("/assistants/"), "demo model")

        self.assertNotContains(self.client.get(page_of(self.conversation)), "demo model")


class StartPageTests(TestCase):
    def test_visitor_begins_a_conversation_without_owner(self) -> None:
        with assert_queries(0):
            response = self.client.get("/assistants/")

        self.assertContains(response, 'data-conversations-url="/api/assistants/anonymous/"')
        self.assertNotContains(response, "<aside")

    def test_user_begins_one_of_their_own_and_sees_the_others_of_theirs_only(self) -> None:
        alice = users.alice()
        AssistantConversationFactory.create(user=alice, title="Knots for sailors")
        AssistantConversationFactory.create(user=users.bob(), title="Bob's secret")
        AssistantConversationFactory.create(user=None, title="Nobody's")
        self.client.force_login(alice)

        response = self.client.get("/assistants/")

        self.assertContains(response, 'data-conversations-url="/api/assistants/conversations/"')
        self.assertContains(response, "Knots for sailors")
        self.assertNotContains(response, "secret")
        self.assertNotContains(response, "Nobody")

    def test_visitor_finds_again_what_this_browser_began(self) -> None:
        started = self.client.post("/api/assistants/anonymous/", {}, "application/json").json()
        AssistantConversation.objects.filter(pk=started["id"]).update(title="Knots for sailors")

        self.assertContains(self.client.get("/assistants/"), "Knots for sailors")
        self.assertNotContains(self.client_class().get("/assistants/"), "Knots for sailors")

    def test_claimed_conversations_are_not_listed_for_the_browser_any_more(self) -> None:
        started = self.client.post("/api/assistants/anonymous/", {}, "application/json").json()
        AssistantConversation.objects.filter(pk=started["id"]).update(title="Knots for sailors", user=users.alice())

        self.assertNotContains(self.client.get("/assistants/"), "Knots for sailors")

    def test_models_are_offered_where_there_is_a_choice(self) -> None:
        with override_settings(ASSISTANT_MODELS=["small", "large"]):
            self.assertContains(self.client.get("/assistants/"), "<option>large</option>")

        with override_settings(ASSISTANT_MODELS=["small"]):
            self.assertNotContains(self.client.get("/assistants/"), "<option>")

    def test_titles_can_be_searched(self) -> None:
        alice = users.alice()
        AssistantConversationFactory.create(user=alice, title="Knots for sailors")
        AssistantConversationFactory.create(user=alice, title="Cooking rice")
        self.client.force_login(alice)

        response = self.client.get("/assistants/", {"search": "KNOTS"})

        self.assertContains(response, "Knots for sailors")
        self.assertNotContains(response, "Cooking rice")
