import re
from unittest.mock import patch

from django.test import Client, SimpleTestCase, TestCase

from core.views import errors


class ErrorPageTests(SimpleTestCase):
    """Error pages don't reveal the error."""

    def test_unknown_page_is_a_page(self) -> None:
        response = self.client.get("/nowhere/")

        self.assertContains(response, "Page not found", status_code=404)

    def test_unknown_api_route_answers_as_the_api_does(self) -> None:
        response = self.client.get("/api/nowhere/")

        assert response.status_code == 404
        assert response.json() == {
            "type": "client_error",
            "errors": [{"code": "not_found", "detail": "This doesn't exist, or you can't access it.", "attr": None}],
        }

    def test_server_error_page_needs_no_database_and_has_no_details(self) -> None:
        # SimpleTestCase forbids queries.
        client = Client(raise_request_exception=False)
        for path, words in (("/", "Something went wrong"), ("/api/x/", '"type": "server_error"')):
            with self.subTest(path), patch("core.middleware.content_security_policy", side_effect=OSError("secret")):
                response = client.get(path)

                self.assertContains(response, words, status_code=500)
                self.assertNotContains(response, "secret", status_code=500)

    def test_form_without_token_explains_what_to_do(self) -> None:
        response = Client(enforce_csrf_checks=True).post("/logout/")

        self.assertContains(response, "This page has expired", status_code=403)

    def test_malformed_and_forbidden_requests_have_different_codes(self) -> None:
        request = self.client.get("/nowhere/").wsgi_request

        self.assertContains(errors.bad_request(request, Exception()), "Bad request", status_code=400)
        self.assertContains(
            errors.forbidden(request, Exception()), "You don't have access to this page", status_code=403
        )


class FrontPageTests(TestCase):
    def test_front_page_leads_on_and_asks_the_database_nothing_for_a_visitor(self) -> None:
        with self.assertNumQueries(0):
            response = self.client.get("/")

        self.assertContains(response, 'href="/assistants/"')
        self.assertContains(response, "Sign in")

    def test_front_page_never_leads_to_the_admin(self) -> None:
        self.assertNotContains(self.client.get("/"), "/admin/")

    def test_pages_carry_no_inline_script_or_style(self) -> None:
        for path in ("/", "/chat/", "/nowhere/"):
            with self.subTest(path):
                page = self.client.get(path).content.decode()

                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
