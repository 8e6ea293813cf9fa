"""Sends requests that no page sends: every GET route with unusual values in its query, path and cookies.

No request may cause a 500. The databases differ in this: PostgreSQL accepts neither NUL in texts nor numbers beyond the
range of its types.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import skipUnless

import pytest
from django.db import connection, transaction
from django.test import Client, TestCase, override_settings
from django.urls import get_resolver

from accounts.models import User
from tests.test_rights_matrix import World, routes_in

PARAMETERS = (
    *("q", "search", "title", "tag", "sort", "page", "at", "reply", "before", "after", "limit", "offset", "since"),
    *("next", "unread", "what", "o", "p", "all", "e", "_popup", "_to_field", "id__exact", "pk__in"),
    *("created_at__day", "user__id__exact", "app_label", "model_name", "field_name", "term"),
)
NUL = "%00"
VALUES = (
    f"a{NUL}b",
    "9" * 5000,
    str(2**63),
    "%D9%A3",  # a digit that isn't ASCII
    "%ED%A0%80",  # half of a surrogate pair
    "[",
)
PLACEHOLDER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@pytest.mark.timeout(400)  # these tests request all routes
@override_settings(LIMITS=False)
class OddRequestTests(TestCase):
    world: World
    owner: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = World()
        cls.owner = cls.world.users["owner"]
        User.objects.filter(pk=cls.owner.pk).update(is_staff=True, is_superuser=True)

    def setUp(self) -> None:
        self.client.raise_request_exception = False
        self.client.force_login(self.owner)

    def test_no_value_in_a_query_breaks_a_page(self) -> None:
        for path in self.paths():
            for value in VALUES:
                with self.subTest(f"{path} {value[:10]}"):
                    self.assert_answered(f"{path}?{'&'.join(f'{name}={value}' for name in PARAMETERS)}")

    def test_no_number_of_a_query_breaks_a_page_by_itself(self) -> None:
        world = self.world
        asked = {
            f"/chat/{world.rows['chat'].room.pk}/": ["at"],
            f"/discussion/{world.rows['discussion'].topic.pk}/": ["reply", "page"],
            "/discussion/": ["page"],
            f"/api/chat/{world.rows['chat'].room.pk}/messages/": ["before", "after", "limit", "offset"],
            "/api/discussion/": ["limit", "offset"],
        }
        for path, names in asked.items():
            for name in names:
                for value in ("9" * 5000, str(2**63), str(2**63 - 1), "-1"):
                    self.assert_answered(f"{path}?{name}={value}")

    def test_no_value_in_a_path_breaks_a_page(self) -> None:
        for route in routes():
            for value in VALUES:
                if "<" in route:
                    self.assert_answered("/" + PLACEHOLDER.sub(value.replace("\\", ""), route))

    def test_no_cookie_breaks_a_page(self) -> None:
        names = "sessionid", "csrftoken", "messages", "access", "refresh"
        for value in ('"\\000"', '"a\\000b"', "x" * 1000, "[", '"'):
            client = Client(raise_request_exception=False)
            cookie = "; ".join(f"{name}={value}" for name in names)
            for path in ("/", "/chat/", "/assistants/", "/api/chat/", "/admin/"):
                self.assert_answered(path, client=client, headers={"Cookie": cookie})

    def test_no_origin_breaks_a_page(self) -> None:
        for origin in ("http://[", "null", "", "http://testserver:99999999", "\u00e9"):
            for path in ("/login", "/api/accounts/login/", "/api/chat/"):
                for method in (self.client.get, self.client.post, self.client.options):
                    response = method(path, headers={"Origin": origin, "Referer": origin})
                    assert response.status_code < 500, (path, origin, response.status_code)

    def test_no_number_of_a_form_breaks_a_page(self) -> None:
        accept = f"/discussion/{self.world.rows['discussion'].topic.pk}/accept/"
        for value in ("9" * 5000, str(2**63), "-1", "\u0663", "\x00"):
            assert self.client.post(accept, {"reply": value}).status_code == 404

    @skipUnless(connection.vendor == "postgresql", "SQLite takes NUL for any other character")
    def test_a_nul_is_refused_with_400(self) -> None:
        assert self.client.get(f"/chat/search/?q=a{NUL}").status_code == 400
        response = self.client.get(f"/api/discussion/?search={NUL}")
        assert response.status_code == 400
        assert response.json()["errors"][0]["code"]

    def assert_answered(self, address: str, client: Client | None = None, **options: Any) -> None:
        # A savepoint is needed, because a database error that a view catches would break the rest of the test.
        with transaction.atomic():
            response = (client or self.client).get(address, **options)
            transaction.set_rollback(True)
        assert response.status_code < 500, (address[:200], response.status_code)

    def paths(self) -> Iterator[str]:
        """Yields the path of each route, with ids of existing objects."""
        for route in routes():
            yield "/" + PLACEHOLDER.sub(partial(self.piece, route), route)

    def piece(self, route: str, found: re.Match[str]) -> str:
        world = self.world
        if found["kind"] == "uuid":
            return str(world.rows["assistants"].owned["owner"].conversation.pk)
        if found["name"] in {"member_id", "reply_id"}:
            return str(
                world.rows["chat"].other_member.pk
                if found["name"] == "member_id"
                else world.rows["discussion"].reply.pk
            )
        if found["kind"] in {"int", "path"}:
            if "chat/" in route:
                return (
                    str(world.rows["chat"].ids(route, "owner")["<int:pk>"])
                    if found["name"] == "pk"
                    else str(world.rows["chat"].room.pk)
                )
            if "discussion/" in route:
                return str(
                    world.rows["discussion"].reply.pk
                    if "replies/" in route and found["name"] == "pk"
                    else world.rows["discussion"].topic.pk
                )
        return "1"


def routes() -> list[str]:
    """Returns all routes of pages and the API, in a form without regular expressions."""
    found = {re.sub(r"[\^$?\\]", "", route) for route in routes_in(get_resolver().url_patterns)}
    return sorted(route for route in found if "(" not in route and route not in {"healthz", "readyz", "metrics"})
