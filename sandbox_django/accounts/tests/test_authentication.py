"""Tests authentication by header, cookie and session."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import TestCase
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.authentication import (
    BrowserSessionAuthentication,
    CookieTokenAuthentication,
    HeaderTokenAuthentication,
)
from accounts.cookies import ACCESS_COOKIE
from accounts.models import SignIn, User
from accounts.services.sign_ins import sign_out_everywhere
from accounts.tokens import issue_tokens
from test_utils.auth_api_test_case import AuthAPITestCase, bearer
from test_utils.users import alice

ME = reverse("rest_user_details")
PUBLIC = reverse("rest_logout")


class HeaderTokenTests(AuthAPITestCase):
    def test_anonymous_requests_get_401_with_a_challenge(self) -> None:
        response = APIClient().get(ME)

        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["errors"][0]["code"] == "not_authenticated"

    def test_nonsense_is_refused(self) -> None:
        for header in ("Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer two words", "bearer \u00e9"):
            with self.subTest(header):
                response = APIClient().get(ME, HTTP_AUTHORIZATION=header)

                assert response.status_code == 401
                assert response.json() == {
                    "type": "client_error",
                    "errors": [
                        {
                            "code": "token_not_valid",
                            "detail": "The token is invalid or has expired.",
                            "attr": None,
                        }
                    ],
                }

    def test_a_bad_token_is_refused_where_nobody_needs_one(self) -> None:
        assert APIClient().post(PUBLIC, HTTP_AUTHORIZATION="Bearer x").status_code == 401

    def test_an_expired_token_is_refused(self) -> None:
        assert self.client.get(ME, headers={"Authorization": f"Bearer {expired(self.user)}"}).status_code == 401

    def test_a_refresh_token_is_no_access_token(self) -> None:
        refresh = issue_tokens(SignIn.objects.create(user=self.user))

        assert self.client.get(ME, headers={"Authorization": f"Bearer {refresh}"}).status_code == 401

    def test_a_token_without_device_is_refused(self) -> None:
        token = AccessToken.for_user(self.user)

        assert self.client.get(ME, headers={"Authorization": f"Bearer {token}"}).status_code == 401

    def test_a_deactivated_user_is_refused(self) -> None:
        User.objects.filter(pk=self.user.pk).update(is_active=False)

        assert self.client.get(ME).status_code == 401

    def test_a_deleted_user_is_refused(self) -> None:
        self.user.delete()

        assert self.client.get(ME).status_code == 401

    def test_a_device_that_signed_out_is_refused_and_another_is_not(self) -> None:
        other_device = bearer(self.user)

        SignIn.objects.earliest("created_at").delete()

        assert self.client.get(ME).status_code == 401
        assert self.client.get(ME, headers={"Authorization": other_device}).status_code == 200

    def test_a_token_from_before_signing_out_everywhere_is_refused(self) -> None:
        sign_out_everywhere(self.user)

        assert self.client.get(ME).status_code == 401

    def test_a_token_from_before_a_new_password_is_refused(self) -> None:
        self.user.set_password("another password")
        self.user.save()

        assert self.client.get(ME).status_code == 401

    def test_a_token_is_enough(self) -> None:
        response = self.client.get(ME)

        assert response.json() == {"id": self.user.pk, "email": "alice@example.com", "displayName": "Alice"}

    def test_knowing_who_asks_takes_one_query(self) -> None:
        with self.assertNumQueries(1):
            self.client.get(ME)


class CookieTokenTests(TestCase):
    client: APIClient
    client_class = APIClient

    def setUp(self) -> None:
        self.user = alice()
        self.refresh = issue_tokens(SignIn.objects.create(user=self.user))
        self.client = APIClient(enforce_csrf_checks=True)
        self.client.cookies[ACCESS_COOKIE] = str(self.refresh.access_token)

    def test_a_change_without_csrf_token_is_refused(self) -> None:
        response = self.client.patch(ME, {"displayName": "Mallory"})

        assert response.status_code == 403
        assert response.json()["errors"][0]["code"] == "permission_denied"
        self.user.refresh_from_db()
        assert self.user.display_name == "Alice"

    def test_a_change_with_csrf_token_is_made(self) -> None:
        token = csrf_token(self.client)

        response = self.client.patch(ME, {"displayName": "Alice L."}, headers={"X-CSRFToken": token})

        assert response.json()["displayName"] == "Alice L."

    def test_reading_needs_no_csrf_token(self) -> None:
        assert self.client.get(ME).status_code == 200

    def test_an_expired_cookie_does_not_close_public_endpoints(self) -> None:
        self.client.cookies[ACCESS_COOKIE] = expired(self.user)

        assert self.client.post(PUBLIC).status_code == 200

    def test_an_expired_cookie_opens_no_other(self) -> None:
        self.client.cookies[ACCESS_COOKIE] = expired(self.user)

        assert self.client.get(ME).status_code == 401

    def test_a_program_with_a_header_needs_no_csrf_token_whatever_its_cookies(self) -> None:
        response = self.client.patch(
            ME, {"displayName": "Alice L."}, headers={"Authorization": f"Bearer {self.refresh.access_token}"}
        )

        assert response.status_code == 200

    def test_a_deactivated_user_gets_401(self) -> None:
        User.objects.filter(pk=self.user.pk).update(is_active=False)

        assert self.client.get(ME).status_code == 401


class SessionTests(TestCase):
    def setUp(self) -> None:
        self.user = alice()
        self.client = APIClient(enforce_csrf_checks=True)
        self.client.force_login(self.user)

    def test_a_change_without_csrf_token_is_refused(self) -> None:
        assert self.client.patch(ME, {"displayName": "Mallory"}, format="json").status_code == 403

    def test_a_deactivated_user_gets_401(self) -> None:
        User.objects.filter(pk=self.user.pk).update(is_active=False)

        assert self.client.get(ME).status_code == 401

    def test_a_session_from_before_signing_out_everywhere_is_over(self) -> None:
        sign_out_everywhere(self.user)

        assert self.client.get(ME).status_code == 401

    def test_a_session_of_an_older_version_is_over_by_whichever_way_it_grew(self) -> None:
        User.objects.filter(pk=self.user.pk).update(auth_version=7)

        assert self.client.get(ME).status_code == 401

    def test_a_session_without_its_device_is_over(self) -> None:
        self.user.sign_ins.all().delete()

        assert self.client.get(ME).status_code == 401

    def test_knowing_who_asks_takes_one_query_besides_the_session(self) -> None:
        with self.assertNumQueries(2):
            self.client.get(ME)

    def test_a_session_is_enough(self) -> None:
        assert self.client.get(ME).json()["email"] == "alice@example.com"


class SocketTests(TestCase):
    """Checks that sockets authenticate only by headers, cookies and the session's user."""

    def setUp(self) -> None:
        self.user = alice()
        self.access = str(issue_tokens(SignIn.objects.create(user=self.user)).access_token)

    def test_a_bad_header_is_refused(self) -> None:
        with pytest.raises(AuthenticationFailed):
            HeaderTokenAuthentication().authenticate(opening(authorization="Bearer x"))

    def test_a_request_without_credentials_is_anonymous(self) -> None:
        request = opening()

        assert HeaderTokenAuthentication().authenticate(request) is None
        assert CookieTokenAuthentication().authenticate(request) is None
        assert BrowserSessionAuthentication().authenticate(request) is None

    def test_header_cookie_and_session_authenticate(self) -> None:
        by_header = HeaderTokenAuthentication().authenticate(opening(authorization=f"Bearer {self.access}"))
        by_cookie = CookieTokenAuthentication().authenticate(opening(cookies={ACCESS_COOKIE: self.access}))
        by_session = BrowserSessionAuthentication().authenticate(opening(user=self.user))

        assert [found and found[0] for found in (by_header, by_cookie, by_session)] == [self.user] * 3


def opening(
    *, authorization: str = "", cookies: dict[str, str] | None = None, user: User | AnonymousUser | None = None
) -> Request:
    request = HttpRequest()
    request.method = "GET"
    request.COOKIES = cookies or {}
    request.META["HTTP_AUTHORIZATION"] = authorization
    request.user = user or AnonymousUser()
    return Request(request)


def expired(user: User) -> str:
    token = issue_tokens(SignIn.objects.create(user=user)).access_token
    token.set_exp(lifetime=timedelta(seconds=-1))
    return str(token)


def csrf_token(client: APIClient) -> str:
    client.get(reverse("login"))
    return client.cookies["csrftoken"].value
