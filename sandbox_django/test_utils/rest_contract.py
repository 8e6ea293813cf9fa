"""Compares every response under /api/ in every test with the OpenAPI document.

A middleware of the test settings, and of the servers that tests start (`test_utils.server_settings`), raises an error
if a response is not in the document. So the test that caused the response fails. A server in another process responds
with 500, and logs the reason.

As a pytest plugin (conftest.py), this module records which documented statuses tests have received. In a run of all
tests with `--whole-contract`, a documented status that no test has received fails the run.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.generators import SchemaGenerator
from jsonschema_rs import Draft202012Validator

# Pages and documents about the API, which are not operations of the API.
ABOUT = ("api/schema/", "api/asyncapi/")
# A response may have one of these headers only if the header is documented, and must have it if the document requires
# it.
HEADERS = ("Feed-Seq", "Idempotency-Key", "Location", "Retry-After", "WWW-Authenticate")
REFUSED_UNDOCUMENTED = {401, 403, 404, 405}  # hides from clients without access which methods exist
PLACEHOLDER = re.compile(r"<[^>]+>|{[^}]+}")

# An HTTP method, a route without the names of its placeholders, and a status.
Promise = tuple[str, str, str]


class ContractBroken(AssertionError):
    """Raised when the server's response contradicts the document."""


@dataclass
class Contract:
    document: dict[str, Any]
    met: set[Promise] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._schemas = closed(self.document["components"]["schemas"])
        self._responses = {
            (method.upper(), bare(path), status): self._resolved(response)
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
            for status, response in operation["responses"].items()
        }
        self._operations = {(method, path) for method, path, _ in self._responses}
        self._routes = {path for _, path in self._operations}
        self._validators: dict[Promise, Draft202012Validator] = {}

    def check(self, method: str, route: str, response: HttpResponse) -> None:
        """Raises `ContractBroken` if the document doesn't allow `response` for `method` and `route`."""
        method, path, status = "GET" if method == "HEAD" else method, bare(f"/{route}"), str(response.status_code)
        if method == "OPTIONS":
            return  # responses to OPTIONS needn't be documented
        try:
            self._check(method, path, status, response)
        except ContractBroken as broken:
            raise ContractBroken(
                f"{method} /{route} answered {status}, and {broken}. "
                f"The body: {response.content.decode(errors='replace')[:1000]}"
            ) from None

    def _check(self, method: str, path: str, status: str, response: HttpResponse) -> None:
        if path not in self._routes:
            raise ContractBroken("this route is not in the OpenAPI document")
        if response.status_code >= 500:
            return  # the introduction documents these for all operations; core/tests checks their format
        if (method, path) not in self._operations:
            if response.status_code not in REFUSED_UNDOCUMENTED:
                raise ContractBroken("this method is not in the OpenAPI document")
            return
        promised = self._responses.get((method, path, status))
        if promised is None:
            raise ContractBroken("the OpenAPI document has no such status")
        self.met.add((method, path, status))
        self._check_headers(promised.get("headers", {}), response)
        self._check_body(promised.get("content", {}), (method, path, status), response)

    def _check_headers(self, promised: dict[str, Any], response: HttpResponse) -> None:
        for name in {*HEADERS, *promised}:
            if name in response.headers and name not in promised:
                raise ContractBroken(f"the OpenAPI document has no header {name}")
            if name not in response.headers and promised.get(name, {}).get("required"):
                raise ContractBroken(f"the header {name} is missing")
            if name in response.headers:
                value = response.headers[name]
                schema = promised[name]["schema"]
                parsed = int(value) if schema["type"] == "integer" and value.isdecimal() else value
                if not Draft202012Validator(schema).is_valid(parsed):
                    raise ContractBroken(f"the header {name} is {value!r}")

    def _check_body(self, promised: dict[str, Any], promise: Promise, response: HttpResponse) -> None:
        if not promised:
            if response.content:
                raise ContractBroken("the OpenAPI document has no body")
            return
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if kind not in promised:
            raise ContractBroken(f"the OpenAPI document has no {kind or 'body without a Content-Type'}")
        if promise not in self._validators:
            schema = {**closed(promised[kind]["schema"]), "components": {"schemas": self._schemas}}
            self._validators[promise] = Draft202012Validator(schema, validate_formats=True)
        for error in self._validators[promise].iter_errors(json.loads(response.content)):
            place = ".".join(map(str, error.instance_path)) or "the body"
            raise ContractBroken(f"{place} is not as documented: {error.message}")

    def _resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        name = response.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self.document["components"]["responses"][name] if name else response
        return found

    def never_met(self) -> list[str]:
        """Returns the documented statuses that no test has received."""
        return [f"{status} of {method} {path}" for method, path, status in sorted(self._responses.keys() - self.met)]


def closed(schema: Any) -> Any:
    """Returns a copy of the schema in which objects allow only the fields that it lists."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(part) for name, part in schema.items()}
    if isinstance(copy.get("properties"), dict) and "type" in copy:
        copy.setdefault("additionalProperties", False)
    return copy


def bare(path: str) -> str:
    return PLACEHOLDER.sub("{}", path)


@cache
def contract() -> Contract:
    """Returns the document that the current code generates. `bin/check` compares it with docs/api/openapi.yaml."""
    return Contract(SchemaGenerator().get_schema(request=None, public=True))


class ContractMiddleware:
    """Checks the final response, since it is the first middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        route = request.resolver_match.route if request.resolver_match else ""
        # A test may replace the URLconf with routes of its own, which are not checked.
        if settings.ROOT_URLCONF == "config.urls" and route.startswith("api/") and not route.startswith(ABOUT):
            contract().check(request.method or "", route, response)
        return response


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-contract", action="store_true", help="fail if a documented status or frame was never met")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.option.whole_contract and not session.config.option.collectonly and contract().never_met():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.whole_contract and (never_met := contract().never_met()):
        terminalreporter.section("documented in OpenAPI, and never met by a test")
        terminalreporter.write_line("\n".join(never_met))
