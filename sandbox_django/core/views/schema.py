"""The OpenAPI document, which each process generates only once: it is public, and generating takes half a second."""

from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return document


class OneDocument(SchemaGenerator):
    """Returns the same document for every request, and ignores the parameters `lang` and `version`."""

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        return _document()


class SchemaView(SpectacularAPIView):
    generator_class = OneDocument

    def _get_version_parameter(self, request: Request) -> None:
        """Returns None, because a version that a client names must not become part of the file name."""
