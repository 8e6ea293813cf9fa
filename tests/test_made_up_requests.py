"""Sends valid and invalid requests that schemathesis generates from the OpenAPI document, each as several users.

Each response must match the document (`test_utils.rest_contract` checks this too). No request may cause a 500 or give a
user access without permission. Every run sends the same requests.
"""

from collections.abc import Iterator
from itertools import cycle
from typing import Any, TypeAlias

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import override_settings
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis import CheckFunction
from schemathesis.checks import load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from test_utils.rest_contract import bare
from test_utils.rights import ALLOWED
from tests.test_rights_matrix import RULES, World, rest_routes

Case: TypeAlias = schemathesis.Case[Any]

load_all_checks()
ROUTES = {bare(f"/{route}"): route for route in rest_routes()}
# Each request is sent by a user with permission, and by one of these roles in turn. Sending it as all roles would take
# four times as long.
OTHERS = cycle(["visitor", "member", "staff", "owner"])
EACH_FOURTH = cycle([True, False, False, False])

# Operations that may refuse a valid request for a reason that a schema can't express, such as a wrong password, a used
# link or token, or a missing object.
MORE_THAN_A_SCHEMA = {
    "acceptAnswer",
    "addRoomMember",
    "changePassword",
    "createAnonymousConversation",  # the site's settings list the models
    "createConversation",
    "createTopic",  # tags must be words
    "listAnonymousMessages",  # only one of before, after and offset is allowed
    "listMessages",
    "listRoomMessages",
    "logIn",
    "markRoomRead",
    "register",
    "replaceConversation",
    "replaceTopic",
    "resetPassword",
    "updateConversation",
    "updateTopic",
}

SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
SCHEMA.app = get_wsgi_application()
SCHEMA.config.generation.update(allow_x00=False)  # databases don't accept NUL; core/tests checks its refusal


@pytest.fixture
def world(db: None) -> Iterator[World]:
    # These receivers close the connection at the end of a request, which would end the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield World()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=3,  # in addition to the document's examples and each field's limits
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # each request is rolled back, so the data stays the same
)
@override_settings(LIMITS=False)
def test_any_request_gets_a_documented_response(case: Case, world: World) -> None:
    route = ROUTES[bare(case.operation.path)]
    rule = RULES[route][case.operation.method.upper()]
    who_may = next((role for role in ("owner", "member", "staff") if rule[role] == ALLOWED), "visitor")
    # These are thousands of requests, one for each limit of each field. They test fields, not permissions.
    is_one_of_many = case.meta is not None and case.meta.phase.name == TestPhase.COVERAGE
    for role in [who_may] if is_one_of_many and not next(EACH_FOURTH) else [who_may, next(OTHERS)]:
        if not is_wrong(case, ParameterLocation.PATH):
            case.path_parameters = real_ids(case, world.path(route, role))
        left_out: list[CheckFunction] = [negative_data_rejection] if takes_more_than_it_promises(case) else []
        if is_one_of_many:
            left_out.append(ignored_auth)  # this check sends two more requests; other phases cover it
        if case.operation.definition.raw["operationId"] in MORE_THAN_A_SCHEMA:
            left_out.append(positive_data_acceptance)
        if role != who_may:
            left_out.append(unsupported_method)  # so clients without access don't learn which methods exist
        with transaction.atomic():
            headers = {"Authorization": world.tokens[role]} if role in world.tokens else None
            case.call_and_validate(headers=headers, excluded_checks=left_out)
            transaction.set_rollback(True)


def is_wrong(case: Case, place: ParameterLocation) -> bool:
    """Returns whether schemathesis has made something in this part of the request invalid on purpose."""
    assert case.meta is not None
    part = case.meta.components.get(place)
    return part is not None and part.mode.is_negative


def takes_more_than_it_promises(case: Case) -> bool:
    """Returns whether the server may accept a request that the schema calls invalid.

    REST framework reads "0" as 0 and "false" as false, ignores a `limit` that is no number, and merges duplicate tags.
    So only invalid bodies must be refused, unless they are invalid for one of these reasons.
    """
    assert case.meta is not None
    wrong = (case.meta.phase.data.description or "").lower()
    return not is_wrong(case, ParameterLocation.BODY) or "type" in wrong or "tags" in wrong


def real_ids(case: Case, path: str) -> dict[str, str]:
    """Returns the ids in `path`, by the names of the operation's parameters."""
    parts = zip(case.operation.path.split("/"), path.split("/"), strict=True)
    return {name.strip("{}"): value for name, value in parts if name.startswith("{")}
