"""Tests signing in and out, registering and changing passwords through the API."""

from typing import Any

from django.conf import settings
from django.core import mail
from django.test import override_settings
from django.urls import reverse
from rest_framework.test import APIClient, APITestCase

from accounts.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from accounts.models import SignIn, User
from accounts.services.attempts import WRONG_PASSWORDS
from test_utils.auth_api_test_case import AuthAPITestCase
from test_utils.users import alice, bob

LOGIN = reverse("rest_login")
LOGOUT = reverse("rest_logout")
REFRESH = reverse("token_refresh")
VERIFY = reverse("token_verify")
ME = reverse("rest_user_details")
CHANGE = reverse("rest_password_change")
RESET = reverse("rest_password_reset")
CONFIRM = reverse("rest_password_reset_confirm")
REGISTER = reverse("rest_register")

GOOD_PASSWORD = "a mossy staircase"


class LoginTests(APITestCase):
    def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(self) -> None:
        alice()

        wrong = self.client.post(LOGIN, {"email": "alice@example.com", "password": "wrong"})
        unknown = self.client.post(LOGIN, {"email": "nobody@example.com", "password": "wrong"})

        assert wrong.status_code == unknown.status_code == 400
        assert wrong.json() == unknown.json()
        assert wrong.json()["errors"][0]["code"] == "wrong_password"
        assert not wrong.cookies

    def test_a_deactivated_user_gets_the_same_response(self) -> None:
        user = alice()
        User.objects.filter(pk=user.pk).update(is_active=False)

        response = sign_in(self.client)

        assert response.status_code == 400
        assert response.json()["errors"][0]["code"] == "wrong_password"

    def test_after_too_many_wrong_passwords_even_the_right_one_has_to_wait(self) -> None:
        alice()
        bob()
        for _ in range(WRONG_PASSWORDS.times):
            self.client.post(LOGIN, {"email": "Alice@example.com", "password": "wrong"})

        response = sign_in(self.client)

        assert response.status_code == 429
        assert response.json()["errors"][0]["code"] == "throttled"
        assert 0 < int(response["Retry-After"]) <= WRONG_PASSWORDS.seconds
        assert sign_in(APIClient(), "bob@example.com").status_code == 200

    def test_malformed_logins_are_refused_in_the_standard_format(self) -> None:
        bodies: list[object] = [
            {},
            {"email": "alice@example.com"},
            {"email": "no e-mail", "password": "x"},
            [],
            "x",
            None,
        ]
        for body in bodies:
            with self.subTest(body):
                response = self.client.post(LOGIN, body, format="json")

                assert response.status_code == 400
                assert response.json()["type"] == "validation_error"

    def test_signing_in_opens_api_pages_and_sockets_alike(self) -> None:
        user = alice()

        response = sign_in(self.client, "ALICE@Example.com")

        assert response.status_code == 200
        assert response.json()["user"] == {"id": user.pk, "email": "alice@example.com", "displayName": "Alice"}
        assert response["Cache-Control"] == "no-store"
        assert self.client.cookies[ACCESS_COOKIE].value == response.json()["access"]
        assert self.client.cookies[REFRESH_COOKIE].value == response.json()["refresh"]
        assert self.client.session["_auth_user_id"] == str(user.pk)
        for way in (
            APIClient(HTTP_AUTHORIZATION=f"Bearer {response.json()['access']}"),
            with_cookie(ACCESS_COOKIE, response.json()["access"]),
            with_cookie(settings.SESSION_COOKIE_NAME, self.client.cookies[settings.SESSION_COOKIE_NAME].value),
        ):
            assert way.get(ME).status_code == 200

    def test_no_script_reads_the_cookies_and_no_other_site_sends_them(self) -> None:
        alice()

        with override_settings(SESSION_COOKIE_SECURE=True):
            sign_in(self.client)

        for name in (ACCESS_COOKIE, REFRESH_COOKIE):
            cookie = self.client.cookies[name]
            assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
            # Browsers require these for cookies whose name begins with __Host-.
            assert (cookie["path"], cookie["domain"]) == ("/", "")

    def test_a_stale_token_does_not_keep_anyone_from_signing_in(self) -> None:
        alice()

        assert sign_in(APIClient(HTTP_AUTHORIZATION="Bearer x")).status_code == 200


class RegistrationTests(APITestCase):
    def test_an_e_mail_registers_once_in_any_case(self) -> None:
        alice()

        response = self.register(email="ALICE@example.com")

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "email"
        assert response.json()["errors"][0]["code"] == "unique"
        assert User.objects.count() == 1

    def test_a_bad_password_is_refused_with_the_reason(self) -> None:
        for password, code in (
            ("short", "password_too_short"),
            ("password123", "password_too_common"),
            ("83749502734", "password_entirely_numeric"),
            ("new@example.com", "password_too_similar"),
        ):
            with self.subTest(password):
                response = self.register(password1=password, password2=password)

                assert response.status_code == 400
                assert {"attr": "password1", "code": code}.items() <= response.json()["errors"][0].items()

    def test_a_password_alone_is_checked_like_one_that_is_sent_twice(self) -> None:
        refused: list[tuple[dict[str, str], str, str]] = [
            ({}, "password", "required"),
            ({"password1": GOOD_PASSWORD}, "password2", "required"),
            ({"password2": GOOD_PASSWORD}, "password1", "required"),
            ({"password": "short"}, "password", "password_too_short"),
            ({"password": "new@example.com"}, "password", "password_too_similar"),
            ({"password": GOOD_PASSWORD, "password1": "another one"}, "password1", "password_mismatch"),
            ({"password": GOOD_PASSWORD, "password2": "another one"}, "password2", "password_mismatch"),
        ]
        for body, attr, code in refused:
            with self.subTest(body):
                response = self.client.post(REGISTER, {"email": "new@example.com", **body})

                assert response.status_code == 400
                assert {"attr": attr, "code": code}.items() <= response.json()["errors"][0].items()
        assert not User.objects.exists()

    def test_a_password_alone_is_enough(self) -> None:
        response = self.client.post(REGISTER, {"email": "new@example.com", "password": GOOD_PASSWORD})

        assert response.status_code == 201
        assert sign_in(APIClient(), "new@example.com", GOOD_PASSWORD).status_code == 200

    def test_two_passwords_that_differ_are_refused(self) -> None:
        response = self.register(password2="another password")

        assert response.json()["errors"] == [
            {"code": "password_mismatch", "detail": "The two passwords differ.", "attr": "password2"}
        ]

    def test_registering_never_creates_staff(self) -> None:
        self.register(isStaff=True, is_superuser=True, isActive=False)

        user = User.objects.get()
        assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)

    def test_registering_signs_in(self) -> None:
        response = self.register(displayName="Newcomer")

        assert response.status_code == 201
        assert response.json()["user"]["displayName"] == "Newcomer"
        assert self.client.get(ME).json()["email"] == "new@example.com"
        assert sign_in(APIClient(), "new@example.com", GOOD_PASSWORD).status_code == 200

    def test_without_a_name_others_see_what_stands_before_the_at(self) -> None:
        assert self.register().json()["user"]["displayName"] == "new"

    def register(self, **body: Any) -> Any:
        return self.client.post(
            REGISTER, {"email": "new@example.com", "password1": GOOD_PASSWORD, "password2": GOOD_PASSWORD, **body}
        )


class TokenTests(APITestCase):
    def setUp(self) -> None:
        self.user = alice()
        signed_in = sign_in(APIClient()).json()
        self.access, self.refresh = signed_in["access"], signed_in["refresh"]

    def test_nothing_access_tokens_and_nonsense_refresh_nothing(self) -> None:
        for body in ({}, {"refresh": ""}, {"refresh": "x"}, {"refresh": self.access}, {"refresh": None}):
            with self.subTest(body):
                assert self.client.post(REFRESH, body).status_code in {400, 401}

    def test_a_refresh_token_works_once(self) -> None:
        first = self.client.post(REFRESH, {"refresh": self.refresh})
        again = self.client.post(REFRESH, {"refresh": self.refresh})

        assert first.status_code == 200
        assert (again.status_code, again.json()["errors"][0]["code"]) == (401, "token_not_valid")

    def test_a_refresh_token_goes_on_by_its_successors(self) -> None:
        refresh = self.refresh
        for _ in range(3):
            response = self.client.post(REFRESH, {"refresh": refresh})
            refresh = response.json()["refresh"]

        headers = {"Authorization": f"Bearer {response.json()['access']}"}
        assert self.client.get(ME, headers=headers).status_code == 200

    def test_a_refresh_token_that_comes_twice_ends_its_device_and_no_other(self) -> None:
        browser = APIClient()
        other = sign_in(browser).json()
        first = self.client.post(REFRESH, {"refresh": self.refresh}).json()

        self.client.post(REFRESH, {"refresh": self.refresh})

        assert self.client.post(REFRESH, {"refresh": first["refresh"]}).status_code == 401
        for access in (self.access, first["access"]):
            assert APIClient(HTTP_AUTHORIZATION=f"Bearer {access}").get(ME).status_code == 401
        assert APIClient(HTTP_AUTHORIZATION=f"Bearer {other['access']}").get(ME).status_code == 200
        assert SignIn.objects.count() == 1

    def test_two_tabs_that_refresh_by_one_cookie_stay_signed_in(self) -> None:
        browser = APIClient()
        sign_in(browser)
        browser.get(reverse("login"))
        second_tab = APIClient()
        second_tab.cookies.load({name: morsel.value for name, morsel in browser.cookies.items()})

        assert browser.post(REFRESH).status_code == 200
        assert second_tab.post(REFRESH).status_code == 401

        assert browser.get(ME).status_code == 200
        assert second_tab.get(ME).status_code == 200
        assert browser.post(REFRESH).status_code == 200

    def test_a_stolen_cookie_without_the_session_ends_the_device(self) -> None:
        browser = APIClient()
        sign_in(browser)
        stolen = with_cookie(REFRESH_COOKIE, browser.cookies[REFRESH_COOKIE].value)
        assert browser.post(REFRESH).status_code == 200

        stolen.get(reverse("login"))
        response = stolen.post(REFRESH, headers={"X-CSRFToken": stolen.cookies["csrftoken"].value})

        assert response.status_code == 401
        assert browser.get(ME).status_code == 401

    def test_a_refresh_token_from_before_a_new_password_is_refused(self) -> None:
        self.user.set_password("another password")
        self.user.save()

        assert self.client.post(REFRESH, {"refresh": self.refresh}).status_code == 401

    def test_a_deactivated_user_gets_no_new_token(self) -> None:
        User.objects.filter(pk=self.user.pk).update(is_active=False)

        assert self.client.post(REFRESH, {"refresh": self.refresh}).status_code == 401

    def test_a_browser_refreshes_by_its_cookie_and_proves_that_it_means_to(self) -> None:
        browser = with_cookie(REFRESH_COOKIE, self.refresh)

        assert browser.post(REFRESH).status_code == 403

        browser.get(reverse("login"))
        response = browser.post(REFRESH, headers={"X-CSRFToken": browser.cookies["csrftoken"].value})
        assert response.status_code == 200
        assert browser.cookies[REFRESH_COOKIE].value == response.json()["refresh"] != self.refresh

    def test_verify_reports_whether_a_token_would_be_accepted(self) -> None:
        renewed = self.client.post(REFRESH, {"refresh": self.refresh}).json()

        assert self.verify(self.access) == 200
        assert self.verify(renewed["refresh"]) == 200
        assert self.verify(self.refresh) == 401
        assert self.verify("x") == 401

        SignIn.objects.all().delete()
        assert self.verify(self.access) == 401

    def verify(self, token: str) -> int:
        return self.client.post(VERIFY, {"token": token}).status_code


class LogoutTests(APITestCase):
    def setUp(self) -> None:
        self.user = alice()
        self.phone = Device()
        self.laptop = Device()

    def test_a_link_does_not_sign_out(self) -> None:
        assert self.phone.client.get(LOGOUT).status_code == 405
        assert self.phone.is_signed_in

    def test_signing_out_everywhere_needs_authentication(self) -> None:
        assert self.client.post(LOGOUT, {"allDevices": True}).status_code == 401
        assert self.client.post(LOGOUT, {"allDevices": True, "refresh": "x"}).status_code == 401
        assert self.phone.is_signed_in

    def test_a_browser_without_csrf_token_stays_signed_in(self) -> None:
        browser = APIClient(enforce_csrf_checks=True)
        browser.cookies = self.phone.client.cookies

        assert browser.post(LOGOUT).status_code == 403
        assert self.phone.is_signed_in

    def test_signing_out_ends_this_device_only(self) -> None:
        response = self.phone.client.post(LOGOUT, headers=self.phone.headers)

        assert response.status_code == 200
        assert not self.phone.is_signed_in
        assert self.phone.client.cookies[ACCESS_COOKIE].value == ""
        assert self.laptop.is_signed_in

    def test_a_refresh_token_alone_signs_its_device_out(self) -> None:
        self.phone.client.cookies.clear()  # programs keep no cookies

        self.client.post(LOGOUT, {"refresh": self.phone.refresh})

        assert not self.phone.is_signed_in
        assert self.laptop.is_signed_in

    def test_signing_out_of_all_devices_ends_them_all(self) -> None:
        self.phone.client.post(LOGOUT, {"allDevices": True}, headers=self.phone.headers)

        assert not self.phone.is_signed_in
        assert not self.laptop.is_signed_in

    def test_signing_out_twice_is_still_signed_out(self) -> None:
        self.client.post(LOGOUT, {"refresh": self.phone.refresh})

        assert self.client.post(LOGOUT, {"refresh": self.phone.refresh}).status_code == 200
        assert self.client.post(LOGOUT).status_code == 200


class UserTests(AuthAPITestCase):
    def test_the_e_mail_and_the_id_are_not_to_be_written(self) -> None:
        response = self.client.patch(ME, {"email": "other@example.com", "id": 99, "isStaff": True})

        assert response.json() == {"id": self.user.pk, "email": "alice@example.com", "displayName": "Alice"}

    def test_every_user_has_a_name(self) -> None:
        for name in ("", "   ", None, "x" * 81):
            with self.subTest(name):
                response = self.client.patch(ME, {"displayName": name})

                assert response.status_code == 400
                assert response.json()["errors"][0]["attr"] == "displayName"

    def test_a_new_name_is_kept(self) -> None:
        self.client.patch(ME, {"displayName": "Alice L."})

        self.user.refresh_from_db()
        assert self.user.display_name == "Alice L."


class PasswordChangeTests(AuthAPITestCase):
    def test_an_anonymous_client_can_not_change_it(self) -> None:
        assert APIClient().post(CHANGE, self.body()).status_code == 401

    def test_the_old_password_is_asked_for(self) -> None:
        response = self.client.post(CHANGE, self.body(oldPassword="wrong"))

        assert response.status_code == 400
        assert response.json()["errors"] == [
            {"code": "wrong_password", "detail": "This is not your password.", "attr": "oldPassword"}
        ]

    def test_a_bad_new_password_is_refused(self) -> None:
        response = self.client.post(CHANGE, self.body(newPassword1="short", newPassword2="short"))

        assert response.json()["errors"][0]["attr"] == "newPassword1"

    def test_other_devices_are_signed_out_and_this_one_stays(self) -> None:
        other = Device()

        response = self.client.post(CHANGE, self.body())

        assert response.status_code == 200
        assert not other.is_signed_in
        assert self.client.get(ME).status_code == 401  # the old token is refused
        assert self.client.get(ME, headers={"Authorization": f"Bearer {response.json()['access']}"}).status_code == 200
        assert sign_in(APIClient(), password=GOOD_PASSWORD).status_code == 200

    def body(self, **changed: str) -> dict[str, str]:
        return {"oldPassword": "password", "newPassword1": GOOD_PASSWORD, "newPassword2": GOOD_PASSWORD, **changed}


class PasswordResetTests(APITestCase):
    def test_the_response_does_not_reveal_whether_an_account_exists(self) -> None:
        alice()

        known = self.client.post(RESET, {"email": "alice@example.com"})
        unknown = self.client.post(RESET, {"email": "nobody@example.com"})

        assert known.status_code == unknown.status_code == 200
        assert known.json() == unknown.json()
        assert [message.to for message in mail.outbox] == [["alice@example.com"]]

    def test_a_mailbox_is_not_flooded(self) -> None:
        alice()

        for _ in range(10):
            assert self.client.post(RESET, {"email": "alice@example.com"}).status_code == 200

        assert len(mail.outbox) == 5

    def test_a_made_up_link_is_refused(self) -> None:
        alice()

        for uid in ("", "x", "MQ", "OTk5", "\u00e9"):
            with self.subTest(uid):
                response = self.client.post(CONFIRM, {"uid": uid, "token": "x-y", **new_password()})

                assert response.status_code == 400

    def test_the_link_in_the_mail_sets_a_new_password_once(self) -> None:
        alice()
        before = Device()
        self.client.post(RESET, {"email": "ALICE@example.com"})
        uid, token = link_in_mail()

        refused = self.client.post(CONFIRM, {"uid": uid, "token": token, **new_password("short")})
        first = self.client.post(CONFIRM, {"uid": uid, "token": token, **new_password()})
        again = self.client.post(CONFIRM, {"uid": uid, "token": token, **new_password()})

        assert refused.json()["errors"][0]["attr"] == "newPassword1"
        assert first.status_code == 200
        assert again.json()["errors"][0]["code"] == "invalid_link"
        assert not before.is_signed_in
        assert sign_in(APIClient(), password=GOOD_PASSWORD).status_code == 200


class Device:
    """A device on which Alice has signed in. It has tokens and a session."""

    def __init__(self) -> None:
        self.client = APIClient()
        signed_in = sign_in(self.client).json()
        self.refresh = signed_in["refresh"]
        self.headers = {"Authorization": f"Bearer {signed_in['access']}"}

    @property
    def is_signed_in(self) -> bool:
        """Returns whether the device is signed in. Checks that its access token, its refresh token and its cookies
        agree.
        """
        by_token = APIClient().get(ME, headers=self.headers).status_code == 200
        by_refresh = APIClient().post(VERIFY, {"token": self.refresh}).status_code == 200
        by_cookies = self.client.get(ME).status_code == 200
        assert by_token == by_refresh == by_cookies
        return by_token


def sign_in(client: APIClient, email: str = "alice@example.com", password: str = "password") -> Any:
    return client.post(LOGIN, {"email": email, "password": password}, format="json")


def with_cookie(name: str, value: str) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    client.cookies[name] = value
    return client


def new_password(password: str = GOOD_PASSWORD) -> dict[str, str]:
    return {"newPassword1": password, "newPassword2": password}


def link_in_mail() -> tuple[str, str]:
    link = next(word for word in str(mail.outbox[-1].body).split() if word.startswith("http"))
    uid, token = link.rstrip("/").split("/")[-2:]
    return uid, token
