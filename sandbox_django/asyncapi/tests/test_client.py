import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.test import SimpleTestCase

from asyncapi.document import build_document

PACKAGE = "a_generated_client"


class GeneratedClientTests(SimpleTestCase):
    """Checks the typed client that bin/client writes."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = cls.enterClassContext(TemporaryDirectory())
        call_command("generate_client", Path(folder) / PACKAGE)
        sys.path.insert(0, folder)
        cls.addClassCleanup(sys.path.remove, folder)

    def client_of(self, channel: str) -> Any:
        module = import_module(f"{PACKAGE}.{channel}")
        return getattr(module, f"{channel.title()}Client")("localhost:8000", path_params={"pk": 7})

    def test_it_knows_the_address_of_every_channel(self) -> None:
        for name, channel in build_document("localhost:8000", "ws")["channels"].items():
            with self.subTest(name):
                assert self.client_of(name).url == "ws://localhost:8000" + channel["address"].replace("{pk}", "7")

    def test_it_understands_whatever_the_server_sends(self) -> None:
        document = build_document("localhost:8000", "ws")
        for operation in document["operations"].values():
            if operation["action"] == "send":
                channel = operation["channel"]["$ref"].rpartition("/")[2]
                for reference in operation["messages"]:
                    message = document["components"]["messages"][reference["$ref"].rpartition("/")[2]]
                    with self.subTest(channel=channel, message=message["name"]):
                        example = message["examples"][0]["payload"]
                        understood = self.client_of(channel).incoming_message_adapter.validate_python(example)
                        assert understood.model_dump(exclude_unset=True) == example

    def test_null_is_understood_where_it_is_documented(self) -> None:
        refused = {"statusCode": 404, "statusText": "Not Found", "data": {"detail": "No.", "seq": None}}
        for channel in build_document("localhost:8000", "ws")["channels"]:
            with self.subTest(channel):
                frame = {"action": "authentication", "payload": refused}
                assert self.client_of(channel).incoming_message_adapter.validate_python(frame).payload.data.seq is None
