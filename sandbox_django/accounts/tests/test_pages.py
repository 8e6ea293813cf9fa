"""Tests the pages for signing in and out, registering and changing passwords, as a browser uses them."""

from datetime import timedelta

from django.conf import settings
from django.core import mail
from django.db import connection
from django.shortcuts import resolve_url
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import SignIn, User
from accounts.services.attempts import WRONG_PASSWORDS
from test_utils.users import alice, mallory

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
GOOD_PASSWORD = "a mossy staircase"
FOREIGN = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "http://testserver.evil.example/",
)


class LoginPageTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()

    def test_a_wrong_password_opens_nothing(self) -> None:
        response = self.client.post("/login", {"username": "alice@example.com", "password": "wrong"})

        assert response.status_code == 200
        self.assertContains(response, "Wrong e-mail or password")
        assert "_auth_user_id" not in self.client.session

    def test_a_form_from_another_site_is_refused(self) -> None:
        browser = Client(enforce_csrf_checks=True)

        for path in ("/login", "/logout", "/register"):
            with self.subTest(path):
                assert browser.post(path, sign_in_form()).status_code == 403

    def test_too_many_wrong_passwords_have_to_wait(self) -> None:
        for _ in range(WRONG_PASSWORDS.times):
            self.client.post("/login", {"username": "alice@example.com", "password": "wrong"})

        response = self.client.post("/login", sign_in_form())

        self.assertContains(response, "Too many tries", status_code=429)
        assert "_auth_user_id" not in self.client.session

    def test_next_leads_to_no_other_site(self) -> None:
        for target in FOREIGN:
            with self.subTest(target):
                browser = Client()
                response = browser.post("/login", sign_in_form(next=target))
                self.assertRedirects(response, resolve_url(settings.LOGIN_REDIRECT_URL), fetch_redirect_response=False)

                response = browser.get("/login", {"next": target})
                self.assertRedirects(response, resolve_url(settings.LOGIN_REDIRECT_URL), fetch_redirect_response=False)

    def test_next_is_kept_from_the_link_to_the_form_and_on(self) -> None:
        page = self.client.get("/login", {"next": "/discussion/?sort=new"})
        self.assertContains(page, 'name="next" value="/discussion/?sort=new"')

        response = self.client.post("/login", sign_in_form(next="/discussion/?sort=new"))

        self.assertRedirects(response, "/discussion/?sort=new", fetch_redirect_response=False)

    def test_a_signed_in_user_is_redirected(self) -> None:
        self.client.force_login(self.user)

        for path in ("/login", "/register"):
            response = self.client.get(path, {"next": "/login"})
            assert response.status_code == 302
            response = self.client.get(path, {"next": "/assistants/"})
            self.assertRedirects(response, "/assistants/", fetch_redirect_response=False)

    def test_signing_in_changes_the_session(self) -> None:
        self.client.get("/login")
        session = self.client.session
        session["basket"] = "kept"
        session.save()
        before = session.session_key
        self.client.cookies[settings.SESSION_COOKIE_NAME] = before or ""

        self.client.post("/login/", sign_in_form())

        assert self.client.session.session_key != before
        assert self.client.session["_auth_user_id"] == str(self.user.pk)

    def test_with_and_without_a_slash(self) -> None:
        for path in ("/login", "/login/", "/register", "/register/"):
            assert self.client.get(path).status_code == 200
        assert reverse("login") == "/login"
        assert reverse("register") == "/register"
        assert reverse("logout") == "/logout"


class LogoutPageTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()
        self.client.force_login(self.user)

    def test_a_link_does_not_sign_out(self) -> None:
        for path in ("/logout", "/logout/"):
            assert self.client.get(path).status_code == 405
        assert "_auth_user_id" in self.client.session

    def test_next_leads_to_no_other_site(self) -> None:
        response = self.client.post("/logout", {"next": "//evil.example/"})

        self.assertRedirects(response, "/", fetch_redirect_response=False)

    def test_signing_out_ends_the_device(self) -> None:
        self.client.post("/logout/")

        assert "_auth_user_id" not in self.client.session
        assert not SignIn.objects.exists()

    def test_signing_out_everywhere_ends_the_others(self) -> None:
        other = Client()
        other.force_login(self.user)

        self.client.post("/logout", {"all_devices": "1"})

        self.assertRedirects(other.get("/account"), "/login?next=/account")


class RegisterPageTests(TestCase):
    def test_errors_are_shown_at_their_field(self) -> None:
        alice()

        response = self.client.post(
            "/register", {"email": "ALICE@example.com", "password1": "short", "password2": "short"}
        )

        taken = "An account with this e-mail already exists. Sign in or reset your password."
        self.assertContains(response, taken, count=1)
        self.assertNotContains(response, "onstraint")
        self.assertContains(response, "Use a password of at least 8 characters.")
        assert User.objects.count() == 1

    def test_registering_signs_in_and_continues(self) -> None:
        response = self.client.post(
            "/register/",
            {
                "email": "New@example.com",
                "display_name": "",
                "password1": GOOD_PASSWORD,
                "password2": GOOD_PASSWORD,
                "next": "/assistants/",
            },
        )

        self.assertRedirects(response, "/assistants/", fetch_redirect_response=False)
        user = User.objects.get()
        assert (user.email, user.display_name.lower()) == ("new@example.com", "new")
        assert self.client.session["_auth_user_id"] == str(user.pk)


class AccountPageTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()

    def test_strangers_are_asked_to_sign_in(self) -> None:
        for path in ("/account", "/password_change/"):
            self.assertRedirects(self.client.get(path), f"/login?next={path}")

    def test_the_page_links_to_the_documentation_of_both_apis(self) -> None:
        self.client.force_login(self.user)
        page = self.client.get("/account")

        for path in (reverse("swagger-ui"), reverse("asyncapi_docs")):
            self.assertContains(page, f'href="{path}"')
            assert self.client.get(path).status_code == 200

    def test_a_name_is_changed(self) -> None:
        self.client.force_login(self.user)

        refused = self.client.post("/account", {"display_name": " "})
        self.client.post("/account/", {"display_name": "Alice L."})

        assert refused.status_code == 200
        self.user.refresh_from_db()
        assert self.user.display_name == "Alice L."

    def test_a_new_password_ends_other_devices_and_not_this_one(self) -> None:
        self.client.force_login(self.user)
        other = Client()
        other.force_login(self.user)
        assert self.client.get("/password_change/").status_code == 200

        response = self.client.post(
            "/password_change/",
            {"old_password": "password", "new_password1": GOOD_PASSWORD, "new_password2": GOOD_PASSWORD},
            follow=True,
        )

        self.assertContains(response, "Your password is changed")
        assert self.client.get("/account").status_code == 200
        assert other.get("/account").status_code == 302

    def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail(self) -> None:
        self.assertContains(self.client.get("/password_reset/"), "Forgot your password?")
        page = self.client.post("/password_reset/", {"email": "alice@example.com"}, follow=True)
        self.assertContains(page, "Check your e-mail")
        assert settings.SITE_NAME in mail.outbox[0].subject
        link = next(word for word in str(mail.outbox[0].body).split() if word.startswith("http://testserver/"))

        form = self.client.get(link, follow=True)
        done = self.client.post(
            form.request["PATH_INFO"], {"new_password1": GOOD_PASSWORD, "new_password2": GOOD_PASSWORD}, follow=True
        )
        again = Client().get(link, follow=True)

        self.assertContains(done, "Your new password is set")
        self.assertContains(again, "This link has expired")
        self.user.refresh_from_db()
        assert self.user.check_password(GOOD_PASSWORD)


class DeviceTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()
        self.client.force_login(self.user)
        self.phone = Client(headers={"User-Agent": PHONE})
        self.phone.post("/login", sign_in_form())
        self.phones = SignIn.objects.get(browser="Safari on iPhone")

    def test_users_can_not_sign_out_devices_of_others(self) -> None:
        stranger = Client()
        stranger.force_login(mallory())

        assert stranger.post(sign_out_url(self.phones)).status_code == 404
        assert Client().post(sign_out_url(self.phones)).status_code == 302
        assert self.client.get(sign_out_url(self.phones)).status_code == 405
        assert self.phone.get("/account").status_code == 200

    def test_a_device_is_signed_out_from_another(self) -> None:
        response = self.client.post(sign_out_url(self.phones), follow=True)

        self.assertContains(response, "Safari on iPhone is signed out.")
        self.assertRedirects(self.phone.get("/account"), "/login?next=/account")
        assert not SignIn.objects.filter(pk=self.phones.pk).exists()

    def test_signing_out_this_device_is_signing_out(self) -> None:
        response = self.phone.post(sign_out_url(self.phones))

        self.assertRedirects(response, "/")
        assert self.phone.get("/account").status_code == 302
        assert self.client.get("/account").status_code == 200

    def test_the_page_names_my_devices_and_no_others(self) -> None:
        SignIn.objects.create(user=mallory(), browser="Firefox on Windows")

        response = self.client.get("/account")

        self.assertContains(response, "Safari on iPhone")
        self.assertContains(response, "This device", count=1)
        self.assertNotContains(response, "Firefox on Windows")

    def test_the_same_browser_once_more_is_no_other_device(self) -> None:
        credentials = {"email": "alice@example.com", "password": "password"}

        response = self.phone.post("/api/accounts/login/", credentials, content_type="application/json")

        assert response.status_code == 200
        assert self.user.sign_ins.count() == 2

    def test_an_hour_later_it_was_used_again(self) -> None:
        SignIn.objects.update(used_at=timezone.now() - timedelta(hours=2))

        self.phone.get("/account")

        self.phones.refresh_from_db()
        assert timezone.now() - self.phones.used_at < timedelta(minutes=1)


class AdminTests(TestCase):
    def setUp(self) -> None:
        self.admin = User.objects.create_superuser("admin@example.com", "password")

    def test_its_login_counts_wrong_passwords_too(self) -> None:
        for _ in range(WRONG_PASSWORDS.times):
            self.client.post("/admin/login/", {"username": "admin@example.com", "password": "wrong"})

        response = self.client.post("/admin/login/", {"username": "admin@example.com", "password": "password"})

        self.assertContains(response, "Too many tries")

    def test_only_staff_may_open_it(self) -> None:
        alice()

        response = self.client.post("/admin/login/", sign_in_form())

        self.assertContains(response, "for a staff account")

    def test_users_are_added_found_and_changed(self) -> None:
        self.client.force_login(self.admin)

        self.client.post(
            "/admin/accounts/user/add/",
            {
                "email": "New@example.com",
                "display_name": "Newcomer",
                "usable_password": "true",
                "password1": GOOD_PASSWORD,
                "password2": GOOD_PASSWORD,
            },
        )

        user = User.objects.get(email="new@example.com")
        assert user.check_password(GOOD_PASSWORD)
        self.assertContains(self.client.get("/admin/accounts/user/?q=newcom"), "new@example.com")
        self.assertContains(self.client.get(f"/admin/accounts/user/{user.pk}/change/"), "Newcomer")

    def test_a_list_of_devices_takes_as_many_queries_for_ten_as_for_one(self) -> None:
        self.client.force_login(self.admin)
        few = self.queries("/admin/accounts/signin/")
        for _ in range(10):
            SignIn.objects.create(user=self.admin)

        assert self.queries("/admin/accounts/signin/") == few

    def queries(self, path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert self.client.get(path).status_code == 200
        return len(queries)


def sign_out_url(device: SignIn) -> str:
    return reverse("sign_out_device", args=[device.pk])


def sign_in_form(**more: str) -> dict[str, str]:
    return {"username": "alice@example.com", "password": "password", **more}
