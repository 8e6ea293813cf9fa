import json
from io import StringIO
from typing import Any

import yaml
from asyncapi_viewer.assets import manifest
from chanx.channels.discovery import DjangoRouteDiscovery
from chanx.routing.discovery import RouteInfo
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import SimpleTestCase
from jsonschema import Draft202012Validator

from asyncapi.close_codes import CLOSE_CODES
from asyncapi.document import build_document
from config.routing import router
from live.consumer import MAX_FRAME
from test_utils.rights import address_of, socket_routes


class OnlyRooms(DjangoRouteDiscovery):
    def discover_routes(self, base_url: str = "") -> list[RouteInfo]:
        return [route for route in super().discover_routes(base_url) if route.consumer.__name__ == "ChatDetailConsumer"]


class DocumentTests(SimpleTestCase):
    def setUp(self) -> None:
        self.document = build_document("sandbox.example", "wss")
        self.schemas: dict[str, Any] = self.document["components"]["schemas"]

    def test_every_socket_is_a_channel(self) -> None:
        addresses = [channel["address"] for channel in self.document["channels"].values()]

        assert sorted(addresses) == sorted(map(address_of, socket_routes(router)))

    def test_every_field_has_a_type_and_a_description(self) -> None:
        silent = [
            f"{name}.{field}"
            for name, schema in self.schemas.items()
            for field, inner in schema.get("properties", {}).items()
            if not ("$ref" in inner or ("description" in inner and {"type", "anyOf", "const"} & set(inner)))
        ]

        assert silent == []

    def test_every_message_has_words_and_an_example_that_is_valid(self) -> None:
        for name, message in self.document["components"]["messages"].items():
            with self.subTest(name):
                assert message["summary"]
                payload = {"components": {"schemas": self.schemas}, **message["payload"]}
                Draft202012Validator(payload).validate(message["examples"][0]["payload"])

    def test_events_are_numbered_and_hints_are_not(self) -> None:
        for name, numbered in (("MemberMessage", True), ("UserRemovedFromGroup", True), ("Typing", False)):
            with self.subTest(name):
                assert ("seq" in self.schemas[name]["required"]) is numbered

    def test_fields_are_named_as_on_the_wire(self) -> None:
        assert set(self.schemas["ChunkPayload"]["required"]) == {
            "content",
            "isComplete",
            "messageId",
            "replyId",
            "offset",
        }

    def test_nothing_undocumented_may_be_in_what_we_send(self) -> None:
        assert self.schemas["MessagePayload"]["additionalProperties"] is False

    def test_authentication_and_close_codes_are_explained(self) -> None:
        assert set(self.document["components"]["securitySchemes"]) == {"session", "token", "tokenCookie"}
        for word in ("4401", "4408", "`?since=", "`seq`", "`ref`", "resync"):
            assert word in self.document["info"]["description"]

    def test_limits_in_the_guide_are_those_of_the_settings(self) -> None:
        guide = self.document["info"]["description"]

        for used_names in (
            f"| {MAX_FRAME // 1024} KB",
            f"| {settings.LIVE_FRAMES_PER_MINUTE} a minute",
            f"| {settings.LIVE_SOCKETS_PER_USER} for a user, {settings.LIVE_SOCKETS_PER_ADDRESS:,} for an address",
            f"| {settings.LIVE_SLOW_CLIENT_TIMEOUT:.0f} seconds",
            f"valid for {settings.SIMPLE_JWT['ACCESS_TOKEN_LIFETIME'].seconds // 60} minutes",
            f"more than a week or {settings.LIVE_KEEP_EVENTS:,} events",
        ):
            assert used_names in guide, used_names
        assert settings.LIVE_KEEP_DAYS == 7

    def test_channels_name_the_codes_with_which_they_close(self) -> None:
        codes = {
            name: {each["code"] for each in channel["x-close-codes"]}
            for name, channel in self.document["channels"].items()
        }

        assert {name for name in codes if 4404 in codes[name]} == {"assistants", "room", "topic"}
        assert {close_code.code for close_code in CLOSE_CODES} == set.union(*codes.values())

    def test_building_it_twice_gives_the_same(self) -> None:
        assert build_document("sandbox.example", "wss") == self.document


class SchemaViewTests(SimpleTestCase):
    def test_unknown_format_is_refused_in_the_shape_of_all_errors(self) -> None:
        response = self.client.get("/api/asyncapi/schema/?format=xml")

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "format"

    def test_it_names_the_host_that_was_asked(self) -> None:
        response = self.client.get("/api/asyncapi/schema/")

        server = response.json()["servers"]["site"]
        assert (server["host"], server["protocol"]) == ("testserver", "ws")

    def test_yaml_has_the_same_content(self) -> None:
        as_json = self.client.get("/api/asyncapi/schema/?format=json").json()
        as_yaml = self.client.get("/api/asyncapi/schema/?format=yaml")

        assert as_yaml["Content-Type"].startswith("application/yaml")
        assert yaml.safe_load(as_yaml.content) == as_json

    def test_command_writes_what_is_served(self) -> None:
        out = StringIO()

        call_command("generate_asyncapi_schema", format="json", base_url="ws://testserver", stdout=out)

        assert json.loads(out.getvalue()) == self.client.get("/api/asyncapi/schema/").json()

    def test_command_takes_the_options_of_chanxs_command(self) -> None:
        out = StringIO()
        given = {"title": "Ours", "api_version": "7.1", "description": "For partners."}

        call_command("generate_asyncapi_schema", format="json", stdout=out, **given)

        info = json.loads(out.getvalue())["info"]
        assert (info["title"], info["version"], info["description"]) == tuple(given.values())
        assert build_document("testserver", "ws")["info"]["title"] != "Ours"

    def test_command_discovers_routes_with_the_class_that_is_named(self) -> None:
        out = StringIO()

        call_command(
            "generate_asyncapi_schema",
            format="json",
            discovery_class=f"{__name__}.{OnlyRooms.__name__}",
            stdout=out,
        )

        assert [*json.loads(out.getvalue())["channels"]] == ["room"]


class PageTests(SimpleTestCase):
    databases = {"default"}

    def test_page_is_at_both_addresses_with_the_strict_policy(self) -> None:
        for path in ("/asyncapi/", "/api/asyncapi/docs/"):
            with self.subTest(path):
                response = self.client.get(path)

                self.assertContains(response, "<asyncapi-viewer")
                assert "unsafe" not in response["Content-Security-Policy"]

    def test_viewer_comes_from_the_installed_package(self) -> None:
        assert manifest() is not None
        assert finders.find("asyncapi-viewer/asyncapi-viewer.js")
