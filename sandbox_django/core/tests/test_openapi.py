import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

from django.contrib.staticfiles import finders
from django.test import SimpleTestCase
from drf_spectacular.generators import SchemaGenerator
from jsonschema_rs import Draft202012Validator
from rest_framework.views import APIView

from core import openapi
from test_utils.rest_contract import closed


def subclasses(view: type[APIView]) -> Iterator[type[APIView]]:
    for child in view.__subclasses__():
        yield child
        yield from subclasses(child)


class SchemaTests(SimpleTestCase):
    schema: dict[str, Any]
    operations: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.schema = SchemaGenerator().get_schema(request=None, public=True)
        cls.operations = {
            operation["operationId"]: operation
            for operations in cls.schema["paths"].values()
            for operation in operations.values()
        }

    def test_document_is_made_once_whatever_the_request_asks_for(self) -> None:
        first = self.client.get("/api/schema/")

        with mock.patch.object(SchemaGenerator, "get_schema", side_effect=AssertionError("made again")):
            for query in ("", "?lang=de", "?version=2.0.0", "?version=../x"):
                with self.subTest(query):
                    again = self.client.get(f"/api/schema/{query}")
                    assert (again.status_code, again.content) == (200, first.content)
                    assert again.headers["Content-Disposition"] == first.headers["Content-Disposition"]

    def test_every_operation_has_a_name_a_summary_and_a_tag_that_is_explained(self) -> None:
        tags = {tag["name"] for tag in self.schema["tags"]}

        assert len(self.operations) == sum(len(operations) for operations in self.schema["paths"].values())
        for name, operation in self.operations.items():
            with self.subTest(name):
                assert re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)
                assert operation["summary"]
                assert set(operation["tags"]) <= tags

    def test_every_successful_response_is_described(self) -> None:
        for name, operation in self.operations.items():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    with self.subTest(name, status=status):
                        assert response["description"].endswith(".") or status == "204"
                        assert len(response["description"]) > 10

    def test_every_field_is_described(self) -> None:
        for name, schema in self.schema["components"]["schemas"].items():
            for field, inner in schema.get("properties", {}).items():
                with self.subTest(name, field=field):
                    assert len(inner["description"]) > 5

    def test_numbers_that_stand_for_something_have_names(self) -> None:
        for name, schema in self.schema["components"]["schemas"].items():
            if schema.get("type") == "integer" and "enum" in schema:
                with self.subTest(name):
                    assert len(schema["x-enum-varnames"]) == len(schema["enum"])
        role = self.schema["components"]["schemas"]["RoomRole"]
        assert dict(zip(role["x-enum-varnames"], role["enum"], strict=True)) == {
            "OWNER": 2001,
            "ADMIN": 2002,
            "MEMBER": 2003,
        }

    def test_nothing_is_described_that_is_not_there(self) -> None:
        ids = set(self.operations)
        views = set(subclasses(APIView))
        on_views = [operation.id for view in views for operation in vars(view).get("operations", {}).values()]
        assert sorted(on_views) == sorted(ids)
        names = self.schema["components"]["schemas"].keys()
        for operation, _, name in (key.rpartition(".") for key in openapi._examples):
            assert name in names, name
            assert operation in {"", *ids}, operation
        fields = {
            (re.sub(r"^Patched|Request$", "", name), field)
            for name, schema in self.schema["components"]["schemas"].items()
            for field in schema.get("properties", {})
        }
        described = {(name, field) for name, of_one in openapi._fields.items() for field in of_one if field}
        assert described <= fields

    def test_every_example_is_what_its_schema_says(self) -> None:
        schemas = {"components": {"schemas": closed(self.schema["components"]["schemas"])}}
        for name, operation in self.operations.items():
            answers = [self.resolved(response) for response in operation["responses"].values()]
            for body in [operation.get("requestBody", {}), *answers]:
                for content in body.get("content", {}).values():
                    with self.subTest(name, body=body.get("description")):
                        validator = Draft202012Validator(content["schema"] | schemas, validate_formats=True)
                        assert [error.message for error in validator.iter_errors(content["example"])] == []

    def test_errors_have_one_format_and_codes(self) -> None:
        for name, operation in self.operations.items():
            for status, response in operation["responses"].items():
                if status.startswith("4"):
                    with self.subTest(name, status=status):
                        example = self.resolved(response)["content"]["application/json"]["example"]
                        assert set(example) == {"type", "errors"}
        conflict = self.operations["retryAnswer"]["responses"]["409"]["content"]["application/json"]["schema"]
        codes = conflict["properties"]["errors"]["items"]["properties"]["code"]["enum"]
        assert codes == ["answer_in_progress", "nothing_to_retry"]

    def test_headers_for_idempotency_feeds_and_retries_are_documented(self) -> None:
        send, read = self.operations["sendRoomMessage"], self.operations["listRoomMessages"]

        assert "Idempotency-Key" in [parameter["name"] for parameter in send["parameters"]]
        assert "Idempotency-Key" not in [parameter["name"] for parameter in read["parameters"]]
        assert "Feed-Seq" in read["responses"]["200"]["headers"]
        assert "Retry-After" in self.resolved(send["responses"]["429"])["headers"]

    def test_request_bodies_have_only_writable_fields(self) -> None:
        for name, schema in self.schema["components"]["schemas"].items():
            if name.endswith("Request"):
                with self.subTest(name):
                    assert not any(field.get("readOnly") for field in schema["properties"].values())

    def resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        named: dict[str, dict[str, Any]] = self.schema["components"]["responses"]
        return named[response["$ref"].rpartition("/")[2]] if "$ref" in response else response


class PageTests(SimpleTestCase):
    databases = {"default"}

    def test_pages_load_nothing_from_elsewhere_and_no_inline_script(self) -> None:
        for path in ("/api/schema/swg/", "/api/schema/redoc/"):
            with self.subTest(path):
                response = self.client.get(path)

                assert response.status_code == 200
                assert "https://" not in response.content.decode()
                assert "script-src 'self';" in response["Content-Security-Policy"]

    def test_viewers_come_from_the_installed_package(self) -> None:
        for name in ("swagger-ui-dist/swagger-ui-bundle.js", "redoc/bundles/redoc.standalone.js"):
            assert finders.find(f"drf_spectacular_sidecar/{name}")

    def test_schema_is_public_in_both_formats(self) -> None:
        for form in ("json", "yaml"):
            with self.subTest(form):
                response = self.client.get(f"/api/schema/?format={form}")

                self.assertContains(response, "3.1.1")
