from django.http import HttpResponse
from django.test import RequestFactory, SimpleTestCase, override_settings

from core.middleware import SecurityHeadersMiddleware


class SecurityHeadersTests(SimpleTestCase):
    def test_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        policy = self.answer().headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http:" not in policy

    def test_sockets_of_this_host_are_named_for_older_browsers(self) -> None:
        policy = self.answer(host="testserver:8000").headers["Content-Security-Policy"]

        assert "connect-src 'self' ws://testserver:8000 wss://testserver:8000;" in policy

    def test_host_that_is_not_ours_is_not_named(self) -> None:
        policy = self.answer(host="elsewhere.example").headers["Content-Security-Policy"]

        assert "connect-src 'self';" in policy

    def test_view_may_set_another_policy(self) -> None:
        response = self.answer(HttpResponse(headers={"Content-Security-Policy": "sandbox"}))

        assert response.headers["Content-Security-Policy"] == "sandbox"

    def test_devices_are_not_for_us(self) -> None:
        assert "camera=()" in self.answer().headers["Permissions-Policy"]

    @override_settings(DEBUG=True)
    def test_debug_pages_are_readable(self) -> None:
        assert "Content-Security-Policy" not in self.answer(HttpResponse(status=500)).headers
        assert "Content-Security-Policy" in self.answer(HttpResponse(status=200)).headers

    def answer(self, response: HttpResponse | None = None, host: str = "testserver") -> HttpResponse:
        middleware = SecurityHeadersMiddleware(lambda request: response or HttpResponse())
        answer = middleware(RequestFactory().get("/", headers={"host": host}))
        assert isinstance(answer, HttpResponse)
        return answer
