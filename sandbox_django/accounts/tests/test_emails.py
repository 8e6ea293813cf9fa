"""Tests which e-mail addresses can register, and the errors for the other addresses."""

from importlib import import_module

from django.apps import apps
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import TestCase
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.fields import ASCII_ONLY, INVALID_DOMAIN
from accounts.models import User

REFUSED = (
    "j\u00fcrgen@example.com",
    "\u7528\u6237@example.com",
    "\u0434\u0438\u043c\u0430@example.com",
    "a\u200bb@example.com",
)
PASSWORD = "a mossy staircase"
# Maps an address as a user types it to the address that is stored.
DOMAINS = {
    "Dana@B\u00fccher.Example": "dana@xn--bcher-kva.example",
    "dana@stra\u00dfe.example": "dana@xn--strae-oqa.example",
    "dana@\u4f8b\u5b50.\u6d4b\u8bd5": "dana@xn--fsqu00a.xn--0zwm56d",
}
NO_DOMAINS = ("dana@\u2603\ufe0f.example", "dana@b\u00fc_cher.example", "dana@\u0301x.example")


class EmailTests(TestCase):
    def test_other_letters_before_the_at_are_refused_with_the_reason(self) -> None:
        staff = UserFactory.create(is_staff=True, is_superuser=True)
        before = User.objects.count()
        for email in REFUSED:
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                assert api.status_code == 400
                assert api.json()["errors"] == [{"code": "email_not_ascii", "detail": ASCII_ONLY, "attr": "email"}]

                form = {"email": email, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
                self.client.logout()
                self.assertContains(self.client.post("/register", form), ASCII_ONLY, count=1)
                self.client.force_login(staff)
                self.assertContains(self.client.post("/admin/accounts/user/add/", form), ASCII_ONLY, count=1)
        assert User.objects.count() == before

    def test_invalid_addresses_are_still_refused(self) -> None:
        for email in ("alice", "@example.com", "alice@", "a b@example.com"):
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                assert (api.status_code, api.json()["errors"][0]["code"]) == (400, "invalid")

    def test_addresses_with_signs_register(self) -> None:
        for email in ("a.b+c_d@example.com", "o'neil@example.com"):
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                assert api.status_code == 201, api.json()


class InternationalDomainTests(TestCase):
    def setUp(self) -> None:
        cache.clear()

    def register(self, email: str) -> None:
        response = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
        assert response.status_code == 201, response.json()

    def test_letters_that_no_domain_has_are_refused_with_the_reason(self) -> None:
        staff = UserFactory.create(is_staff=True, is_superuser=True)
        for email in NO_DOMAINS:
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                refusal = {"code": "email_domain_invalid", "detail": INVALID_DOMAIN, "attr": "email"}
                assert api.json()["errors"] == [refusal]

                form = {"email": email, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
                self.client.logout()
                self.assertContains(self.client.post("/register", form), "a valid domain", count=1)
                self.client.force_login(staff)
                self.assertContains(self.client.post("/admin/accounts/user/add/", form), "a valid domain", count=1)
        assert User.objects.get() == staff

    def test_a_domain_in_any_script_is_stored_in_ascii(self) -> None:
        for typed, stored in DOMAINS.items():
            with self.subTest(typed):
                api = APIClient().post("/api/accounts/registration/", {"email": typed, "password": PASSWORD})
                assert (api.status_code, api.json()["user"]["email"]) == (201, stored)

    def test_page_and_admin_store_it_in_ascii(self) -> None:
        typed, stored = next(iter(DOMAINS.items()))
        form = {"email": typed, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
        self.client.post("/register", form)
        assert User.objects.get().email == stored

        User.objects.all().delete()
        self.client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
        self.client.post("/admin/accounts/user/add/", form)
        assert User.objects.filter(email=stored).exists()

    def test_both_spellings_name_one_account(self) -> None:
        for typed, stored in DOMAINS.items():
            self.register(typed)
            for email in (typed, stored):
                with self.subTest(email):
                    again = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                    assert again.json()["errors"][0]["code"] == "unique"
                    login = APIClient().post("/api/accounts/login/", {"email": email, "password": PASSWORD})
                    assert login.status_code == 200, login.json()
                    page = self.client_class().post("/login", {"username": email, "password": PASSWORD})
                    assert page.status_code == 302

    def test_a_reset_link_comes_for_both_spellings(self) -> None:
        typed, stored = next(iter(DOMAINS.items()))
        self.register(typed)
        mail.outbox.clear()

        for email in (typed, stored):
            self.client.post("/password_reset/", {"email": email})
            APIClient().post("/api/accounts/password/reset/", {"email": email})

        assert [message.to for message in mail.outbox] == [[stored]] * 4

    def test_wrong_passwords_count_for_both_spellings_together(self) -> None:
        typed, stored = next(iter(DOMAINS.items()))
        self.register(typed)
        for email in [typed, stored] * 5:
            APIClient().post("/api/accounts/login/", {"email": email, "password": "wrong"})

        limited = APIClient().post("/api/accounts/login/", {"email": typed, "password": PASSWORD})

        assert limited.status_code == 429

    def test_migration_changes_the_accounts_that_exist(self) -> None:
        (typed, stored), *_ = DOMAINS.items()
        earlier, other = UserFactory.create(), UserFactory.create(email="alice@example.com")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_user SET email = %s WHERE id = %s", [typed.lower(), earlier.pk])

        migration = import_module("accounts.migrations.0006_ascii_email_domains")
        migration.store_ascii_domains(apps, connection.schema_editor())

        assert set(User.objects.values_list("email", flat=True)) == {stored, other.email}
