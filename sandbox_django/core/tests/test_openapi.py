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
