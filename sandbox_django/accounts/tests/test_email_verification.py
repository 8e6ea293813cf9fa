"""Only a mailed link verifies an e-mail address."""

from datetime import timedelta
from unittest import mock

from django.core import mail, signing
from django.core.cache import cache
from django.test import TransactionTestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.factories.user import UserFactory
from accounts.models import User
from assistants.factories import AssistantConversationFactory
from assistants.models import TokenSpending
from test_utils.openai_test_utils import scripted_model
from test_utils.users import alice, mallory

API = "/api/accounts/email/verification/"
PASSWORD = "open-sesame-1001"


class EmailVerificationTests(TransactionTestCase):
    def setUp(self) -> None:
        cache.clear()
        self.alice = alice()
        self.client.force_login(self.alice)

    def is_verified(self, user: User | None = None) -> bool:
        return User.objects.get(pk=(user or self.alice).pk).email_verified_at is not None

    def sent_link(self) -> str:
        self.client.post(reverse("send_verification_link"))
        return link_in(mail.outbox[-1].body)

    # --- Refused ---

    def test_a_forged_link_verifies_nothing(self) -> None:
        for token in ("nonsense", signing.dumps([self.alice.pk, self.alice.email], salt="another")):
            response = self.client.post(reverse("verify_email", args=[token]))

            assert response.status_code == 404
            self.assertContains(response, "This link has expired", status_code=404)
        assert not self.is_verified()

    def test_an_old_link_verifies_nothing(self) -> None:
        link = self.sent_link()
        with mock.patch("django.core.signing.time.time", return_value=(timezone.now() + timedelta(days=4)).timestamp()):
            assert self.client.post(link).status_code == 404

        assert not self.is_verified()

    def test_a_link_to_an_earlier_address_verifies_nothing(self) -> None:
        link = self.sent_link()
        User.objects.filter(pk=self.alice.pk).update(email="new@example.com")

        assert self.client.post(link).status_code == 404
        assert not self.is_verified()

    def test_opening_the_link_is_not_enough(self) -> None:
        link = self.sent_link()

        self.assertContains(self.client.get(link), "alice@example.com")
        assert not self.is_verified()

    def test_visitors_are_sent_no_link(self) -> None:
        self.client.logout()

        assert self.client.post(reverse("send_verification_link")).status_code == 302
        assert self.client.get(reverse("send_verification_link")).status_code in (302, 405)
        assert not mail.outbox

    def test_a_mailbox_is_not_flooded(self) -> None:
        for _ in range(7):
            response = self.client.post(reverse("send_verification_link"), follow=True)

        self.assertContains(response, "Too many tries")
        assert len(mail.outbox) == 5

    def test_programs_without_a_token_are_sent_no_link(self) -> None:
        assert self.client_class().post(API).status_code == 401
        assert not mail.outbox

    def test_pages_and_the_api_share_the_limit_of_a_mailbox(self) -> None:
        for _ in range(3):
            self.client.post(reverse("send_verification_link"))

        responses = [self.client.post(API) for _ in range(3)]

        assert [response.status_code for response in responses] == [200, 200, 429]
        assert responses[-1].json()["errors"][0]["code"] == "throttled"
        assert len(mail.outbox) == 5

    # --- Verified ---

    def test_the_api_sends_the_link_until_the_address_is_verified(self) -> None:
        response = self.client.post(API)

        assert response.json() == {"detail": "We've sent a link to alice@example.com."}
        self.client_class().post(link_in(mail.outbox[-1].body))
        assert self.is_verified()
        assert self.client.post(API).json() == {"detail": "This e-mail is already confirmed."}
        assert len(mail.outbox) == 1

    def test_the_button_behind_the_link_verifies_on_any_device(self) -> None:
        link = self.sent_link()
        assert mail.outbox[-1].to == ["alice@example.com"]

        for client in (self.client_class(), self.client):
            self.assertContains(client.post(link), "Your e-mail is confirmed")
        assert self.is_verified()
        assert not self.is_verified(mallory())
        self.assertNotContains(self.client.get(reverse("account")), "confirmation link")

    def test_registration_sends_a_link_by_page_and_by_api(self) -> None:
        page, program = self.client_class(), self.client_class()
        page.post("/register", {"email": "page@example.com", "password1": PASSWORD, "password2": PASSWORD})
        account = {"email": "program@example.com", "password": PASSWORD}
        program.post("/api/accounts/registration/", account, content_type="application/json")

        assert [message.to for message in mail.outbox] == [["page@example.com"], ["program@example.com"]]
        assert not User.objects.exclude(email_verified_at=None).exists()
        for message in mail.outbox:
            self.client_class().post(link_in(message.body))
        assert User.objects.exclude(email_verified_at=None).count() == 2

    def test_a_used_reset_link_verifies_too(self) -> None:
        reset = self.client_class()
        reset.post("/password_reset/", {"email": "alice@example.com"})
        page = reset.get(link_in(mail.outbox[-1].body), follow=True)
        assert not self.is_verified()

        reset.post(page.redirect_chain[-1][0], {"new_password1": PASSWORD, "new_password2": PASSWORD})

        assert self.is_verified()

    def test_a_superuser_of_the_command_is_verified(self) -> None:
        assert self.is_verified(User.objects.create_superuser("root@example.com", PASSWORD))

    def test_saving_a_user_that_was_read_before_keeps_it_verified(self) -> None:
        read_before = User.objects.get(pk=self.alice.pk)
        self.client.post(self.sent_link())
        read_before.save()

        assert self.is_verified()

    def test_another_address_has_to_be_verified_again(self) -> None:
        def by_admin(email: str) -> None:
            staff = self.client_class()
            staff.force_login(self.admin)
            staff.post(f"/admin/accounts/user/{self.alice.pk}/change/", {"email": email, "display_name": "Alice"})

        def by_save(email: str) -> None:
            self.alice.email = email
            self.alice.save()

        def by_saving_the_field(email: str) -> None:
            self.alice.email = email
            self.alice.save(update_fields=["email"])

        def by_update(email: str) -> None:
            User.objects.filter(pk=self.alice.pk).update(email=email)

        def by_bulk_update(email: str) -> None:
            self.alice.email = email
            User.objects.bulk_update([self.alice], ["email"])

        self.admin = User.objects.create_superuser("root@example.com", PASSWORD)
        for change in (by_admin, by_save, by_saving_the_field, by_update, by_bulk_update):
            with self.subTest(change.__name__):
                User.objects.filter(pk=self.alice.pk).update(email_verified_at=timezone.now())
                email = f"{change.__name__}@example.com"
                change(email)

                assert User.objects.get(pk=self.alice.pk).email == email
                assert not self.is_verified()
        assert self.is_verified(self.admin)

    def test_a_change_of_the_name_or_of_letters_in_the_address_keeps_it_verified(self) -> None:
        self.client.post(self.sent_link())
        staff = self.client_class()
        staff.force_login(User.objects.create_superuser("root@example.com", PASSWORD))

        same = {"email": "Alice@Example.com", "display_name": "Alicia", "is_active": "on"}
        staff.post(f"/admin/accounts/user/{self.alice.pk}/change/", same)

        assert User.objects.get(pk=self.alice.pk).display_name == "Alicia"
        assert self.is_verified()

    # --- Effects of the verification ---

    @override_settings(ASSISTANT_UNVERIFIED_TOKENS_PER_DAY=5_000, ASSISTANT_TOKENS_PER_DAY=100_000)
    def test_until_then_the_assistant_has_a_smaller_budget(self) -> None:
        bob = UserFactory.create(email_verified_at=timezone.now())
        statuses = []
        for user in (self.alice, bob):
            client = self.client_class()
            client.force_login(user)
            key = f"person {user.pk}"
            TokenSpending.objects.create(quota_key=key, day=timezone.now().date(), tokens=4_900)
            conversation = AssistantConversationFactory.create(user=user)
            with scripted_model("Yes."):
                url = reverse("conversation-messages-list", args=[conversation.pk])
                statuses.append(client.post(url, {"content": "Hi"}, content_type="application/json").status_code)

        assert statuses == [429, 201]


def link_in(body: object) -> str:
    return next(word for word in str(body).split() if word.startswith("http://testserver/"))
