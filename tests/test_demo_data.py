"""`seed_demo` creates data on its first run, and changes nothing on its second."""

from io import StringIO

from django.core.management import call_command
from django.test import TestCase, override_settings

from accounts.demo import ADMIN, ALICE, BOB, PASSWORD
from accounts.models import User
from assistants.models import AssistantConversation, AssistantMessage
from discussion.models import DiscussionTopic, Notification


def seed() -> str:
    printed = StringIO()
    with override_settings(DEBUG=True):
        call_command("seed_demo", stdout=printed)
    return printed.getvalue()


class DemoDataTests(TestCase):
    def test_no_user_with_a_known_password_is_created_if_debug_is_off(self) -> None:
        call_command("seed_demo", stdout=StringIO())

        assert not User.objects.exists()

    def test_site_that_has_accounts_is_left_as_it_is(self) -> None:
        User.objects.create_user("carol@example.com", "her own")

        printed = seed()

        assert [user.email for user in User.objects.all()] == ["carol@example.com"]
        assert not AssistantConversation.objects.exists()
        assert printed == ""

    def test_second_run_overwrites_nothing_and_adds_nothing(self) -> None:
        seed()
        User.objects.filter(email=ALICE).update(display_name="Alice Liddell")
        AssistantConversation.objects.filter(user__email=BOB).delete()
        left = AssistantConversation.objects.count()
        people = User.objects.count()

        seed()

        assert User.objects.get(email=ALICE).display_name == "Alice Liddell"
        assert AssistantConversation.objects.count() == left
        assert User.objects.count() == people


class SeededTests(TestCase):
    printed: str

    @classmethod
    def setUpTestData(cls) -> None:
        cls.printed = seed()

    def test_every_printed_user_can_sign_in_with_the_printed_password(self) -> None:
        for email in (ALICE, BOB, ADMIN):
            assert email in self.printed
            assert PASSWORD in self.printed
            assert self.client.login(email=email, password=PASSWORD)

    def test_addresses_that_no_mail_reaches_count_as_verified(self) -> None:
        assert not User.objects.filter(email__in=[ALICE, BOB, ADMIN], email_verified_at=None).exists()

    def test_alice_finds_finished_answers_to_her_questions(self) -> None:
        for conversation in AssistantConversation.objects.filter(user__email=ALICE):
            questions = conversation.messages.filter(message_type="user")
            answers = conversation.messages.filter(message_type="assistant", status="complete")
            assert [answer.question for answer in answers] == list(questions)
            assert all(answer.content_html for answer in answers)
        assert AssistantMessage.objects.filter(conversation__user__email=ALICE).count() == 6

    def test_the_forum_has_something_of_everything(self) -> None:
        topics = DiscussionTopic.objects
        assert topics.count() == 12
        assert topics.filter(accepted_answer__isnull=False, tags__isnull=False, vote_count__gt=0).exists()
        assert topics.filter(is_pinned=True, is_closed=True, view_count__gt=0).exists()
        assert topics.filter(reply_count=0).exists()
        assert topics.filter(edits__isnull=False, edited_at__isnull=False).exists()
        assert Notification.objects.filter(user__email=ALICE).count() > 3
        assert all("<script" not in topic.content_html for topic in topics.all())
        printed = StringIO()
        call_command("reconcile", stdout=printed)
        assert printed.getvalue() == "0 differences.\n"
