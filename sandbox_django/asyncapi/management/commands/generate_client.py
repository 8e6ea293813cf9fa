import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chanx.client_generator.generator import ClientGenerator
from django.core.management.base import BaseCommand, CommandParser

from asyncapi.document import build_document


class Command(BaseCommand):
    """Writes a typed Python client of the site's sockets into a folder. chanx's generator creates its code."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        document = build_document("localhost:8000", "ws")
        for schema in document["components"]["schemas"].values():
            _make_nullable_optional(schema)
        with TemporaryDirectory() as directory:
            path = Path(directory) / "asyncapi.json"
            path.write_text(json.dumps(document))
            ClientGenerator(str(path), str(folder), generate_readme=False, clear_output=True).generate()


def _make_nullable_optional(schema: dict[str, Any]) -> None:
    # The generator allows null only in optional fields. It would turn a required "number or null" into a number.
    for name, inner in schema.get("properties", {}).items():
        if {"type": "null"} in inner.get("anyOf", ()) and name in schema.get("required", ()):
            schema["required"].remove(name)
