"""Checks the access of every role to every REST route with every method, and to every socket.

The routes come from the URL configuration. The rules come from `tests/rights.py` of each feature and from this file. A
method without a rule must be refused for every role.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from config.routing import router
from core.features import installed_features
from test_utils.rights import (
    ALLOWED,
    ANYONE,
    ANYONE_WITHOUT_A_BAD_TOKEN,
    ROLES,
    SIGNED_IN,
    Rights,
    Rule,
    Users,
    socket_routes,
)
from test_utils.testing import SocketTestCase

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SHUT = {401, 403, 404, 405}


class SiteRights(Rights):
    """The rules of routes that belong to no feature."""

    routes = {
        "api/accounts/login/": {"POST": ANYONE},
        "api/accounts/logout/": {"POST": ANYONE_WITHOUT_A_BAD_TOKEN},
        "api/accounts/registration/": {"POST": ANYONE},
        # The requests of these tests contain no refresh token.
        "api/accounts/token/refresh/": {"POST": dict.fromkeys(ROLES, 401)},
        "api/accounts/token/verify/": {"POST": ANYONE},
        "api/accounts/user/": {"GET": SIGNED_IN, "PATCH": SIGNED_IN},
        "api/accounts/email/verification/": {"POST": SIGNED_IN},
        "api/accounts/password/change/": {"POST": SIGNED_IN},
        "api/accounts/password/reset/": {"POST": ANYONE},
        "api/accounts/password/reset/confirm/": {"POST": ANYONE},
        "api/schema/": {"GET": ANYONE_WITHOUT_A_BAD_TOKEN},
        "api/schema/swg/": {"GET": ANYONE},
        "api/schema/redoc/": {"GET": ANYONE},
        "api/asyncapi/docs/": {"GET": ANYONE},
        "api/asyncapi/schema/": {"GET": ANYONE},
    }


def rights_of(feature: str) -> type[Rights]:
    (rights,) = [
        one
        for one in vars(import_module(f"{feature}.tests.rights")).values()
        if isinstance(one, type) and issubclass(one, Rights) and one is not Rights
    ]
    return rights


RIGHTS: list[type[Rights]] = [SiteRights, *(rights_of(feature.name) for feature in installed_features())]
RULES: dict[str, dict[str, Rule]] = {route: rules for rights in RIGHTS for route, rules in rights.routes.items()}
SOCKETS: dict[str, dict[str, Rule]] = {route: rules for rights in RIGHTS for route, rules in rights.sockets.items()}


class World:
    """Creates the users of all roles, and the rows of each app, such as `world.rows["chat"].room`."""

    def __init__(self) -> None:
        users = Users()
        self.users, self.tokens = users.by_role, users.tokens
        self.rows: dict[str, Any] = {rights.__module__.partition(".")[0]: rights(users) for rights in RIGHTS}
        self._rows_of = {route: rows for rows in self.rows.values() for route in (*rows.routes, *rows.sockets)}

    def path(self, route: str, role: str, kind: str = "") -> str:
        path = route
        for placeholder, value in self._rows_of[route].ids(route, role, kind).items():
            path = path.replace(placeholder, str(value))
        assert "<" not in path, f"{type(self._rows_of[route]).__name__}.ids() leaves out a placeholder of {route}"
        return f"/{path}"

    def client(self, role: str) -> APIClient:
        return APIClient(HTTP_AUTHORIZATION=self.tokens[role]) if role in self.tokens else APIClient()


def rest_routes() -> list[str]:
    return sorted(route for route in routes_in(get_resolver().url_patterns) if route.startswith("api/"))


def routes_in(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes_in(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert rest_routes() == sorted(RULES)


def test_every_socket_has_a_rule_and_every_rule_a_socket() -> None:
    assert sorted(socket_routes(router)) == sorted(SOCKETS)


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.mark.parametrize("route", rest_routes())
def test_route_allows_only_the_roles_of_its_rule(route: str, world: World) -> None:
    wrong = [
        f"{method} by {role}: {status}, not {expected or 'let in'}"
        for method in METHODS
        for role in ROLES
        for expected in [RULES[route].get(method, {}).get(role, 405)]
        if not fits(status := undone(partial(ask, world, route, method, role)), expected)
    ]

    assert wrong == []


@pytest.mark.parametrize("route", rest_routes())
def test_to_ask_what_a_route_takes_breaks_nothing(route: str, world: World) -> None:
    answers = {role: world.client(role).options(world.path(route, role)).status_code for role in ROLES}

    assert {role: status for role, status in answers.items() if status >= 500} == {}


def ask(world: World, route: str, method: str, role: str) -> int:
    call = getattr(world.client(role), method.lower())
    status: int = call(world.path(route, role), {} if method != "GET" else None).status_code
    return status


def fits(status: int, expected: int) -> bool:
    if expected == ALLOWED:
        return status not in SHUT and status < 500
    if expected == 405:
        return status in SHUT  # so clients without access don't learn which methods exist
    return status == expected


def undone(action: Callable[[], int]) -> int:
    """Runs the action in a transaction that is rolled back, so that the next role finds the same data."""
    with transaction.atomic():
        status = action()
        transaction.set_rollback(True)
    return status


class SocketTests(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.world = World()

    async def test_sockets_allow_only_the_roles_of_their_rules(self) -> None:
        for route, rules in SOCKETS.items():
            for kind, rule in rules.items():
                for role in ROLES:
                    with self.subTest(route, kind=kind, role=role):
                        assert await self.answer(route, kind, role) == (rule[role] or 200)

    async def answer(self, route: str, kind: str, role: str) -> int:
        """Returns the status of the first frame. Checks that a refused socket is also closed, with the code of that
        status.
        """
        path = self.world.path(route, role, kind)
        token = self.world.tokens.get(role)
        page = await self.open_socket(
            path,
            headers=[(b"authorization", token.encode())] if token else [],
        )
        status: int = (await page.receive())["payload"]["statusCode"]
        if status != 200:
            assert await page.close_code() == 4000 + status
        return status
