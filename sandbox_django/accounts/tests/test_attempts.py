"""Tests of the limits on attempts that hash or check a password."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.core import mail
from django.test import Client, TestCase
from rest_framework.test import APIClient, APITestCase

from accounts.models import User
from accounts.services import attempts
from core.models import RateLimitCount
from core.throttling import Limit
from test_utils.auth_api_test_case import bearer
from test_utils.users import alice, bob

LOGIN = "/api/accounts/login/"
NEW = {"new_password1": "a mossy staircase", "new_password2": "a mossy staircase"}


class LoginTests(APITestCase):
    def setUp(self) -> None:
        self.alice = alice()

    def test_successful_logins_of_one_account_are_counted_from_all_addresses(self) -> None:
        for number in range(attempts.LOGINS.times):
            email = "Alice@example.com" if number % 2 else "alice@example.com"
            assert api_login(email, address=f"198.51.100.{number}").status_code == 200

        refused = api_login("alice@example.com", address="203.0.113.1")

        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        bob()
        assert api_login("bob@example.com", address="203.0.113.1").status_code == 200

    def test_an_address_may_log_in_only_so_often_whatever_the_accounts(self) -> None:
        with lowered(attempts.LOGINS_OF_ADDRESS, to=3):
            for number in range(3):
                assert api_login(f"nobody{number}@example.com").status_code == 400
            assert api_login("alice@example.com").status_code == 429
            assert api_login("alice@example.com", address="2001:db8::1").status_code == 200

    def test_all_addresses_of_an_ipv6_network_are_one(self) -> None:
        with lowered(attempts.LOGINS_OF_ADDRESS, to=3):
            for number in range(3):
                api_login("nobody@example.com", address=f"2001:db8:1:2::{number}")
            assert api_login("alice@example.com", address="2001:db8:1:2:ffff::9").status_code == 429
            assert api_login("alice@example.com", address="2001:db8:1:3::1").status_code == 200

    def test_pages_and_the_admin_count_the_same_attempts(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(is_staff=True)
        with lowered(attempts.LOGINS, to=3):
            api_login("alice@example.com")
            page_login("/login")
            page_login("/admin/login/")

            assert page_login("/login").status_code == 429
            assert "Too many tries" in page_login("/admin/login/").content.decode()

    def test_no_password_is_hashed_for_a_refused_attempt(self) -> None:
        with lowered(attempts.LOGINS, to=0), mock.patch("accounts.services.sign_ins.authenticate") as hashing:
            assert api_login("alice@example.com").status_code == 429
        hashing.assert_not_called()

    def test_the_limit_is_the_same_for_an_e_mail_without_an_account(self) -> None:
        answers = {}
        for email in ("alice@example.com", "nobody@example.com"):
            RateLimitCount.objects.all().delete()
            answers[email] = [api_login(email, password="wrong").status_code for _ in range(12)]

        assert answers["alice@example.com"] == answers["nobody@example.com"]
        assert answers["alice@example.com"][-1] == 429


class OldPasswordTests(APITestCase):
    def setUp(self) -> None:
        self.alice = alice()

    def test_wrong_old_passwords_are_counted_over_the_api_and_both_pages(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(is_staff=True)
        program = APIClient(HTTP_AUTHORIZATION=bearer(self.alice))
        browser = Client()
        browser.force_login(self.alice)
        ways: list[Callable[[str], Any]] = [
            lambda old: program.post("/api/accounts/password/change/", {"oldPassword": old, **camel(NEW)}),
            lambda old: browser.post("/password_change/", {"old_password": old, **NEW}),
            lambda old: browser.post("/admin/password_change/", {"old_password": old, **NEW}),
        ]
        for number in range(attempts.WRONG_OLD_PASSWORDS.times):
            assert ways[number % len(ways)]("wrong").status_code in {200, 400}

        api, page, admin = (way("password") for way in ways)

        assert api.status_code == 429
        for response in (page, admin):
            self.assertContains(response, "Too many tries", status_code=429)
        assert User.objects.get(pk=self.alice.pk).check_password("password")

    def test_changes_of_the_password_are_counted_too(self) -> None:
        program = APIClient(HTTP_AUTHORIZATION=bearer(self.alice))
        with lowered(attempts.PASSWORD_CHANGES, to=2):
            for _ in range(2):
                response = program.post(
                    "/api/accounts/password/change/", {"oldPassword": "password", "newPassword1": "x"}
                )
                assert response.status_code == 400
            assert program.post("/api/accounts/password/change/", {"oldPassword": "password"}).status_code == 429


class ResetTests(APITestCase):
    def test_resets_are_counted_by_address_whether_or_not_there_is_an_account(self) -> None:
        alice()
        with lowered(attempts.RESETS, to=2):
            for email in ("alice@example.com", "nobody@example.com"):
                assert self.client.post("/api/accounts/password/reset/", {"email": email}).status_code == 200
            confirm = {"uid": "x", "token": "x"}

            assert self.client.post("/api/accounts/password/reset/", {"email": "alice@example.com"}).status_code == 429
            assert self.client.post("/api/accounts/password/reset/confirm/", confirm).status_code == 429
            page = Client().post("/password_reset/", {"email": "alice@example.com"})
            self.assertContains(page, "Too many tries", status_code=429)
        assert len(mail.outbox) == 1


class TokenTests(APITestCase):
    def test_tokens_are_refreshed_and_verified_only_so_often_from_one_address(self) -> None:
        with lowered(attempts.TOKEN_REQUESTS, to=2):
            for path in ("refresh", "verify"):
                response = self.client.post(f"/api/accounts/token/{path}/", {"refresh": "x", "token": "x"})
                assert response.status_code == 401
            for path in ("refresh", "verify"):
                assert self.client.post(f"/api/accounts/token/{path}/", {"token": "x"}).status_code == 429


class NoLeakTests(TestCase):
    def test_a_reset_answers_alike_for_all_e_mails(self) -> None:
        alice()
        answers = [
            self.client.post("/password_reset/", {"email": email}).headers["Location"]
            for email in ("alice@example.com", "nobody@example.com")
        ]

        assert answers[0] == answers[1]


@contextmanager
def lowered(limit: Limit, *, to: int) -> Iterator[None]:
    """Lowers a limit, so that a test needn't send hundreds of requests."""
    times = limit.times
    object.__setattr__(limit, "times", to)  # limits are frozen
    try:
        yield
    finally:
        object.__setattr__(limit, "times", times)


def api_login(email: str, *, password: str = "password", address: str = "192.0.2.1") -> Any:
    return APIClient(REMOTE_ADDR=address).post(LOGIN, {"email": email, "password": password})


def page_login(path: str) -> Any:
    return Client(REMOTE_ADDR="192.0.2.7").post(path, {"username": "alice@example.com", "password": "password"})


def camel(fields: dict[str, str]) -> dict[str, str]:
    return {name.replace("new_password", "newPassword"): text for name, text in fields.items()}
