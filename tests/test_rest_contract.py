"""`test_utils.rest_contract` finds violations of the document, and every documented refusal can occur."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import SAFE_METHODS
from rest_framework.test import APIClient

from accounts.cookies import REFRESH_COOKIE
from accounts.serializers.user import UserSerializer
from core.models import IdempotencyKey
from core.throttling import Limit, RateLimited
from test_utils.auth_api_test_case import AuthAPITestCase
from test_utils.rest_contract import PLACEHOLDER, Contract, ContractBroken, bare
from test_utils.rights import ALLOWED
from tests.test_rights_matrix import RULES, World, rest_routes, undone

DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
ROUTES = {bare(f"/{route}"): route for route in rest_routes()}
OPERATIONS = {
    operation["operationId"]: (method.upper(), ROUTES[bare(path)], operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
MYSELF = {"id": 7, "email": "alice@example.com", "displayName": "Alice"}


def answer(output: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(json.dumps(output), "application/json", status, headers=headers or {})


@pytest.mark.parametrize(
    ("route", "method", "response", "complaint"),
    [
        ("api/accounts/user/", "GET", answer({**MYSELF, "isStaff": True}), "('isStaff' was unexpected)"),
        ("api/accounts/user/", "GET", answer({**MYSELF, "email": "Alice"}), 'email is not as documented: "Alice"'),
        ("api/accounts/user/", "GET", answer({"id": 7}), '"displayName" is a required property'),
        ("api/accounts/user/", "GET", answer(MYSELF, 202), "has no such status"),
        ("api/accounts/user/", "GET", answer(MYSELF, headers={"Feed-Seq": "1"}), "has no header Feed-Seq"),
        ("api/accounts/user/", "GET", HttpResponse("Alice", "text/plain"), "has no text/plain"),
        ("api/accounts/user/", "DELETE", HttpResponse(status=204), "this method is not in"),
        ("api/accounts/people/", "GET", answer([]), "this route is not in"),
        ("api/chat/<int:pk>/", "DELETE", HttpResponse("gone", status=204), "has no body"),
        ("api/chat/", "GET", answer({}), "the header Feed-Seq is missing"),
        ("api/chat/", "GET", answer({}, headers={"Feed-Seq": "later"}), "the header Feed-Seq is 'later'"),
        ("api/chat/", "GET", answer({}, 401), "the header WWW-Authenticate is missing"),
    ],
)
def test_undocumented_responses_are_violations(route: str, method: str, response: HttpResponse, complaint: str) -> None:
    with pytest.raises(ContractBroken) as broken:
        Contract(DOCUMENT).check(method, route, response)

    assert complaint in str(broken.value)
    assert f"{method} /{route} answered {response.status_code}" in str(broken.value)


def test_documented_responses_are_recorded() -> None:
    contract = Contract(DOCUMENT)

    contract.check("GET", "api/accounts/user/", answer(MYSELF))

    assert "200 of GET /api/accounts/user/" not in contract.never_met()
    assert "200 of PATCH /api/accounts/user/" in contract.never_met()


class EveryTestTests(AuthAPITestCase):
    def test_a_field_that_nobody_documented_fails_the_test_that_sees_it(self) -> None:
        more = mock.patch.object(UserSerializer, "to_representation", return_value={**MYSELF, "is_staff": True})

        with more, pytest.raises(ContractBroken, match="'isStaff' was unexpected"):
            self.client.get("/api/accounts/user/")


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_refusal_that_is_documented_is_made(name: str, world: World) -> None:
    operation = OPERATIONS[name][2]
    asked = Asked(world, name)

    missed = [
        f"{status}, but {found}"
        for status, ask in asked.refused().items()
        if status in operation["responses"]
        for found in [undone(ask)]
        if str(found) != status
    ]

    assert missed == []


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith(("replace", "update"))])
def test_the_documented_example_is_accepted(name: str, world: World) -> None:
    assert Asked(world, name).ask() == 200


LISTS = [
    name for name, (method, _, operation) in OPERATIONS.items() if method == "GET" and name.startswith(("list", "find"))
]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_refuses_parameters_that_it_does_not_have(name: str, world: World) -> None:
    asked = Asked(world, name)
    documented = [given["name"] for given in OPERATIONS[name][2].get("parameters", []) if given["in"] == "query"]

    response = world.client(asked.role).get(asked.path, {"page": "2", "orderBy": "id"})

    assert response.status_code == 400
    errors = response.json()["errors"]
    assert [(error["code"], error["attr"]) for error in errors] == [
        ("unknown_parameter", "page"),
        ("unknown_parameter", "orderBy"),
    ]
    assert all(f"`{known}`" in error["detail"] for error in errors for known in documented)


class Asked:
    """Sends requests to one operation as a user with permission."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.method, self.route, operation = OPERATIONS[name]
        rule = RULES[self.route][self.method]
        self.role = next((role for role in ("owner", "member", "staff") if rule[role] == ALLOWED), "visitor")
        self.path = world.path(self.route, self.role)
        content = operation.get("requestBody", {}).get("content", {})
        self.body = content["application/json"]["example"] if content else None
        if name == "addRoomMember":
            self.body = {"user": world.users["stranger"].email}
        if name == "updateMyself":
            self.body = {"displayName": "Another name"}  # the limit doesn't count a name that stays the same

    def refused(self) -> dict[str, Callable[[], int]]:
        nowhere = PLACEHOLDER.sub(lambda found: str(uuid4() if "uuid" in found[0] else 999_999_999), f"/{self.route}")
        return {
            "400": partial(self.ask, body="{", path=f"{self.path}?before=me&sort=me"),
            "401": self.with_a_bad_token,
            "403": self.from_another_site,
            "404": partial(self.ask, path=nowhere),
            "406": partial(self.ask, headers={"Accept": "text/plain"}),
            "410": self.with_the_key_of_a_deleted_object,
            "413": partial(self.ask, body=json.dumps("x" * 1024 * 1024)),
            "415": partial(self.ask, content_type="text/plain"),
            "422": self.with_a_key_that_was_used,
            "429": self.rate_limit_error,
        }

    def ask(
        self,
        client: APIClient | None = None,
        *,
        path: str = "",
        body: str = "",
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> int:
        client = client or self.world.client(self.role)
        output = body or ("" if self.body is None else json.dumps(self.body))
        response = client.generic(self.method, path or self.path, output, content_type, headers=headers)
        status: int = response.status_code
        return status

    def with_a_bad_token(self) -> int:
        if self.name in ("refreshTokens", "verifyToken"):
            return self.ask()  # the example's token is invalid
        return self.ask(APIClient(HTTP_AUTHORIZATION="Bearer forged"))

    def from_another_site(self) -> int:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(self.world.users["owner"])
        if self.name == "refreshTokens":
            client.cookies[REFRESH_COOKIE] = "mine"
            return self.ask(client, body="{}")
        if self.method in SAFE_METHODS:  # GET needs no CSRF token, but a page of another account is refused
            return self.ask(client, headers={"X-Account": "another"})
        return self.ask(client)

    def with_a_key_that_was_used(self) -> int:
        key = {"Idempotency-Key": "once"}
        assert self.ask(headers=key) == 201
        return self.ask(body=json.dumps({**(self.body or {}), "another": "field"}), headers=key)

    def with_the_key_of_a_deleted_object(self) -> int:
        key = {"Idempotency-Key": "k" * 22}
        before = set(IdempotencyKey.objects.values_list("pk", flat=True))
        assert self.ask(headers=key) == 201
        created = IdempotencyKey.objects.exclude(pk__in=before).get().answer
        view = resolve(self.path).func.cls  # type: ignore[attr-defined]  # set by DRF
        view.serializer_class.Meta.model._base_manager.filter(pk=created).delete()
        return self.ask(headers=key)

    def rate_limit_error(self) -> int:
        with limits_reached():
            return self.ask(path=f"{self.path}?search=tea")


@contextmanager
def limits_reached() -> Iterator[None]:
    asked = {"ASSISTANT_QUESTIONS_PER_MINUTE": 0, "ASSISTANT_ANONYMOUS_QUESTIONS_PER_MINUTE": 0}
    with override_settings(**asked), mock.patch.object(Limit, "_stop_if", side_effect=RateLimited(wait=1)):
        yield
