"""Every error under /api/ has the standard format, with and without DEBUG."""

from typing import Any

from django.test import TestCase, override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config.urls import urlpatterns as all_urlpatterns


class BrokenView(APIView):
    permission_classes = []

    def get(self, request: Request) -> None:
        raise RuntimeError("the database password is swordfish")


urlpatterns = [path("api/broken/", BrokenView.as_view()), path("", include(all_urlpatterns))]

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


class ApiErrorTests(TestCase):
    def setUp(self) -> None:
        self.client_of_api = APIClient(raise_request_exception=False)

    def answers(self, url: str, method: str, **headers: str) -> list[tuple[bool, Any]]:
        found = []
        for debug in (False, True):
            with override_settings(DEBUG=debug):
                found.append((debug, getattr(self.client_of_api, method)(url, headers=headers)))
        return found

    def error(self, response: Any) -> dict[str, Any]:
        assert response.headers["Content-Type"] == "application/json"
        body: dict[str, Any] = response.json()
        assert set(body) == {"type", "errors"}
        assert set(body["errors"][0]) == {"code", "detail", "attr"}
        error: dict[str, Any] = body["errors"][0]
        return error

    def test_a_missing_slash_is_not_found_and_the_right_address_is_named(self) -> None:
        for url in ("/api/chat", "/api/accounts/login", "/api/discussion/12/replies", "/api/assistants/conversations"):
            for method in METHODS:
                for debug, response in self.answers(url, method):
                    with self.subTest(url=url, method=method, debug=debug):
                        assert response.status_code == 404
                        if method != "head":
                            error = self.error(response)
                            assert error["code"] == "not_found"
                            assert f"{url}/" in error["detail"]

    def test_an_unknown_address_is_not_found_in_the_standard_shape(self) -> None:
        for url in ("/api/", "/api/nothing/", "/api/nothing", "/api/chat/notanumber/", "/api/chat//"):
            for method in set(METHODS) - {"head"}:
                for debug, response in self.answers(url, method):
                    with self.subTest(url=url, method=method, debug=debug):
                        assert response.status_code == 404
                        assert self.error(response)["detail"] == "This doesn't exist, or you can't access it."

    def test_a_host_that_is_not_allowed_is_refused_in_the_standard_shape(self) -> None:
        for debug, response in self.answers("/api/chat/", "get", host="evil.example"):
            with self.subTest(debug=debug):
                assert response.status_code == 400
                assert self.error(response)["code"] == "bad_request"

    @override_settings(ROOT_URLCONF=__name__)
    def test_an_unexpected_error_does_not_reveal_its_message(self) -> None:
        for debug, response in self.answers("/api/broken/", "get"):
            with self.subTest(debug=debug):
                assert response.status_code == 500
                assert response.json()["type"] == "server_error"
                assert "swordfish" not in self.error(response)["detail"]

    def test_pages_still_get_their_slash(self) -> None:
        response = self.client.get("/discussion")
        assert (response.status_code, response["Location"]) == (301, "/discussion/")
