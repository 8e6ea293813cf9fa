from django.contrib.staticfiles import finders
from django.test import SimpleTestCase
from drf_spectacular.generators import SchemaGenerator


class SchemaTests(SimpleTestCase):
    def test_every_operation_tells_the_shape_of_its_errors(self) -> None:
        schema = SchemaGenerator().get_schema(request=None, public=True)

        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                with self.subTest(f"{method} {path}"):
                    assert operation["responses"]["default"]["content"]["application/json"]["schema"] == {
                        "$ref": "#/components/schemas/ErrorResponse"
                    }
        error = schema["components"]["schemas"]["Error"]
        assert set(error["required"]) == {"code", "detail", "attr"}

    def test_headers_of_sending_twice_going_live_and_waiting_are_told(self) -> None:
        paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]

        messages = paths["/api/chat/{group_chat_pk}/messages/"]
        assert "Idempotency-Key" in [parameter["name"] for parameter in messages["post"]["parameters"]]
        assert "Idempotency-Key" not in [parameter["name"] for parameter in messages["get"]["parameters"]]
        assert "Feed-Seq" in messages["get"]["responses"]["200"]["headers"]
        assert "Retry-After" in messages["post"]["responses"]["429"]["headers"]

    def test_every_operation_has_words(self) -> None:
        schema = SchemaGenerator().get_schema(request=None, public=True)

        silent = [
            f"{method} {path}"
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
            if not operation.get("description")
        ]
        assert silent == []


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

    def test_schema_is_served_to_anybody_in_both_formats(self) -> None:
        for form in ("json", "yaml"):
            with self.subTest(form):
                response = self.client.get(f"/api/schema/?format={form}")

                self.assertContains(response, "3.1.1")
