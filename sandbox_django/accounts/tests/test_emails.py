"""Which e-mail addresses register, and what is said about the others."""

from django.test import TestCase
from rest_framework.test import APIClient

from accounts.factories.user import UserFactory
from accounts.fields import ASCII_ONLY
from accounts.models import User

REFUSED = (
    "j\u00fcrgen@example.com",
    "\u7528\u6237@example.com",
    "\u0434\u0438\u043c\u0430@example.com",
    "a\u200bb@example.com",
)
PASSWORD = "a mossy staircase"


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

    def test_what_is_no_address_is_refused_as_before(self) -> None:
        for email in ("alice", "@example.com", "alice@", "a b@example.com"):
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                assert (api.status_code, api.json()["errors"][0]["code"]) == (400, "invalid")

    def test_addresses_with_signs_register(self) -> None:
        for email in ("a.b+c_d@example.com", "o'neil@example.com"):
            with self.subTest(email):
                api = APIClient().post("/api/accounts/registration/", {"email": email, "password": PASSWORD})
                assert api.status_code == 201, api.json()
