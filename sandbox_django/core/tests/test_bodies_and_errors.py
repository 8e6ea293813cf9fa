"""For any request body, the response has the same format, and a client's mistake is never a 500."""

from typing import Any
from unittest import mock

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.test import SimpleTestCase, override_settings
from django.urls import path
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView


class ChildSerializer(serializers.Serializer[Any]):
    birth_year = serializers.IntegerField()


class UserSerializer(serializers.Serializer[Any]):
    first_name = serializers.CharField(max_length=10)
    password1 = serializers.CharField(required=False)
    children = ChildSerializer(many=True, required=False)

    def validate_first_name(self, name: str) -> str:
        if name == "bug":
            raise RuntimeError("the database password is swordfish")
        if name == "forged":
            raise SuspiciousOperation("the database password is swordfish")
        return name


class EchoView(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = UserSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


urlpatterns = [path("", EchoView.as_view())]


@override_settings(ROOT_URLCONF=__name__)
class BodyTests(SimpleTestCase):
    def test_invalid_json_is_a_client_error(self) -> None:
        for body in (
            b"",
            b"{",
            b"\xff\xfe",
            b"{'first_name': 1}",
            b'{"firstName": NaN}',
            b'{"children": [{"birthYear": Infinity}]}',
            b'{"firstName": ' + b"9" * 5000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        ):
            with self.subTest(body[:20]):
                response = self.post(body)

                assert response.status_code == 400
                assert response.json()["type"] in {"client_error", "validation_error"}
                assert set(response.json()["errors"][0]) == {"code", "detail", "attr"}

    def test_more_keys_values_or_levels_than_any_request_has_are_refused(self) -> None:
        for body in (
            "{" + ",".join(f'"aB{number}":1' for number in range(1001)) + "}",
            '{"children": [' + ",".join(["{}"] * 10_001) + "]}",
            '{"a":' * 21 + "1" + "}" * 21,
            '{"a":' + "[" * 21 + "]" * 21 + "}",
        ):
            with self.subTest(body[:20]), mock.patch("core.parsers.underscoreize") as convert:
                response = self.client.post("/", body, content_type="application/json")

                assert response.status_code == 400
                assert response.json()["errors"][0]["code"] == "parse_error"
                assert not convert.called, "it costs most"
        body = '{"firstName": "Ada", "more": {' + ",".join(f'"aB{number}":1' for number in range(900)) + "}}"
        assert self.client.post("/", body, content_type="application/json").status_code == 200

    def test_values_that_no_database_stores_are_refused(self) -> None:
        for body in (b'{"firstName": "\\u0000"}', b'{"firstName": "\\ud800"}'):
            with self.subTest(body):
                assert self.post(body).status_code == 400

    def test_a_body_over_the_limit_is_refused(self) -> None:
        response = self.post(b'{"firstName": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}')

        assert response.status_code == 413
        assert response.json() == {
            "type": "client_error",
            "errors": [{"code": "request_too_large", "detail": "The request is too large.", "attr": None}],
        }

    def test_another_type_of_body_is_refused(self) -> None:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            with self.subTest(content_type):
                response = APIClient().generic("POST", "/", "firstName=Alice", content_type=content_type)

                assert response.status_code == 415

    def test_names_are_camel_case_outside_and_digits_stay_where_they_are(self) -> None:
        response = self.post(b'{"firstName": "Alice", "password1": "x", "children": [{"birthYear": 2001}]}')

        assert response.json() == {"firstName": "Alice", "password1": "x", "children": [{"birthYear": 2001}]}

    def post(self, body: bytes) -> Any:
        client = APIClient(raise_request_exception=False)
        return client.generic("POST", "/", body, content_type="application/json")  # type: ignore[arg-type]  # takes bytes


@override_settings(ROOT_URLCONF=__name__)
class ErrorTests(SimpleTestCase):
    def test_an_unexpected_error_does_not_reveal_its_message(self) -> None:
        response = self.post({"firstName": "bug"})

        assert response.status_code == 500
        assert b"swordfish" not in response.content
        assert response.json()["type"] == "server_error"

    def test_requests_that_django_finds_suspicious_are_client_errors(self) -> None:
        response = self.post({"firstName": "forged"})

        assert response.status_code == 400
        assert b"swordfish" not in response.content

    def test_errors_name_fields_as_the_wire_does(self) -> None:
        response = self.post({"firstName": "x" * 11, "children": [{"birthYear": 2001}, {}]})

        assert [(error["attr"], error["code"]) for error in response.json()["errors"]] == [
            ("firstName", "max_length"),
            ("children.1.birthYear", "required"),
        ]

    def test_an_error_of_no_field_has_a_name_too(self) -> None:
        response = self.post([])

        assert response.json()["errors"][0]["attr"] == "nonFieldErrors"

    def post(self, data: Any) -> Any:
        return APIClient(raise_request_exception=False).post("/", data, format="json")
