"""Completes the OpenAPI document with texts that views don't have, and with the parts that all operations share.

Views describe their operations (`core.operations`), and each app's `openapi.py` has an example for each component. The
error responses of an operation are derived here from its view and its `refusals`. `test_utils.rest_contract` compares
the document with every response that a test receives.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular import openapi
from drf_spectacular.plumbing import ComponentRegistry
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, NotAcceptable, NotAuthenticated, UnsupportedMediaType
from rest_framework.fields import Field

from core.errors import BodyTooLarge, CsrfFailed, NotAllowed, NotFound, Refused
from core.features import installed_features
from core.feed_seq import FeedSeqMixin
from core.idempotency import MAX_KEY_LENGTH, CreatedObjectGone, IdempotencyMismatch
from core.operations import Operation
from core.page_account import SIGNED_IN, AccountChanged
from core.throttling import RateLimited

JSON = "application/json"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MAX_KEY_LENGTH},
    OpenApiParameter.HEADER,
    description="Any string of yours, for this one request; without signing in, at least 22 random characters. Sent "
    "again with the same body within a day, nothing is done again: what was created comes back as it is now, or 410. "
    "With another body: 422.",
)
FEED_SEQ = {
    "description": "The head of the object's feed before its rows were read. Open its socket with `?since=` this "
    "number to miss no event.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
RETRY_AFTER = {
    "description": "In so many seconds it is worth another try.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
AUTHENTICATE = {"description": "The authentication scheme to use.", "required": True, "schema": {"type": "string"}}


@dataclass(frozen=True)
class Refusal:
    """An error response that is the same for all operations."""

    name: str
    status: str
    description: str
    codes: dict[str, str]  # error codes with their texts
    types: tuple[str, ...] = ("client_error",)
    attr: str | None = None  # the name of the field in the example
    headers: dict[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> dict[str, str]:
        return {"$ref": f"#/components/responses/{self.name}"}

    def response(self) -> dict[str, Any]:
        content = {
            JSON: {
                "schema": {"$ref": f"#/components/schemas/{self.name}Error"},
                "example": error_example(self.types[0], self.codes, self.attr),
            }
        }
        return {"description": self.description, "content": content} | (
            {"headers": self.headers} if self.headers else {}
        )

    def schema(self) -> dict[str, Any]:
        takes_any_code = self.attr is not None
        return error_schema(self.types, () if takes_any_code else tuple(self.codes), self.description)


def codes_of(*refusals: type[APIException]) -> dict[str, str]:
    """Returns the error code of each refusal with its text."""
    return {refusal.default_code: str(refusal.default_detail) for refusal in refusals}


REFUSALS = [
    Refusal(
        "BadRequest",
        "400",
        "The request is not valid. There is one error for each problem; `attr` is the field's path, "
        "`nonFieldErrors` for the body as a whole, and null if the body is not JSON.",
        {"required": str(Field.default_error_messages["required"])},
        ("validation_error", "client_error"),
        attr="content",
    ),
    Refusal(
        "Unauthorized",
        "401",
        "The request is not authenticated, or the token has expired: refresh it, or sign in again.",
        codes_of(NotAuthenticated, import_string(settings.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"][0]).refusal),
        headers={"WWW-Authenticate": AUTHENTICATE},
    ),
    Refusal(
        "Forbidden",
        "403",
        "Signed in by a cookie, and the CSRF token is missing: send the cookie `csrftoken` back as the header "
        "`X-CSRFToken`; or the header `X-Account`, which only this site's pages send, names another account "
        "(`account_changed`). With `Authorization: Bearer` neither happens.",
        codes_of(CsrfFailed) | {AccountChanged.default_code: SIGNED_IN},
    ),
    Refusal("NotFound", "404", "The object doesn't exist, or the user may not see it.", codes_of(NotFound)),
    Refusal(
        "NotAcceptable",
        "406",
        "The `Accept` header leaves out JSON.",
        codes_of(NotAcceptable),
    ),
    Refusal(
        "CreatedObjectGone",
        "410",
        "The Idempotency-Key was sent before, and what it created has been deleted since.",
        codes_of(CreatedObjectGone),
    ),
    Refusal(
        "TooLarge",
        "413",
        f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} KiB.",
        codes_of(BodyTooLarge),
    ),
    Refusal(
        "UnsupportedMediaType",
        "415",
        "The body is not `application/json`.",
        {UnsupportedMediaType.default_code: str(UnsupportedMediaType("text/plain").detail)},
    ),
    Refusal(
        "KeyReused",
        "422",
        "The Idempotency-Key was sent before, with another body.",
        codes_of(IdempotencyMismatch),
    ),
    Refusal(
        "TooManyRequests",
        "429",
        "Too many requests. Retry after the seconds in `Retry-After`.",
        {RateLimited.default_code: str(RateLimited(wait=12))},
        headers={"Retry-After": RETRY_AFTER},
    ),
]
REFUSED = {refusal.status: refusal for refusal in REFUSALS}

ITSELF = ""  # the key in `_fields` for the name of the component itself, used in "OK: …"

# Fields with the same meaning in every component; an app's `openapi.py` describes the others.
SHARED_FIELDS = {
    "id": "The id, unique among objects of this kind.",
    "createdAt": "When it was created.",
    "updatedAt": "When it was last changed.",
    "formattedCreatedAt": "`createdAt` as the pages show it.",
    "contentHtml": "`content` rendered to safe HTML.",
    "isEdited": "Whether the text was edited.",
    "editedAt": "When the text was last changed; null if it never was.",
    "displayName": "The name that other users see.",
    "userId": "The user's id; null if the account was deleted.",
    "results": "The objects on this page.",
    "errors": "One entry for each error.",
    "type": "Whether the request is invalid, refused, or the server failed.",
}

# Registered by the apps: examples by component name; and descriptions of fields by component name (without "Request"
# and "Patched") and field name.
_examples: dict[str, Any] = {}
_fields: dict[str, dict[str, str]] = {}


def describe(examples: dict[str, Any], fields: dict[str, dict[str, str]] | None = None) -> None:
    """Adds an app's examples and descriptions of fields to the document."""
    _examples.update(examples)
    _fields.update(fields or {})


class AutoSchema(openapi.AutoSchema):
    """Adds the description and all possible error responses to an operation."""

    declared: Operation

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        if self.is_excluded():
            return None
        self.declared = self.view.operations[method.lower()]  # type: ignore[attr-defined]  # set by `documented`
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        assert operation is not None
        names = placeholders(path)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter["name"], parameter["description"] = names[parameter["name"]]
        responses = operation["responses"]
        if self.method == "GET" and isinstance(self.view, FeedSeqMixin) and self.view.has_feed():
            responses["200"]["headers"] = {"Feed-Seq": FEED_SEQ}
        responses.update(self._refusals(operation))
        operation["responses"] = dict(sorted(responses.items()))
        return operation

    def get_operation_id(self) -> str:
        return self.declared.id

    def get_summary(self) -> str:
        return self.declared.summary

    def get_description(self) -> str:  # type: ignore[override]  # defined by drf-spectacular, but not in its stubs
        limit = f"At most {self.declared.limit}." if self.declared.limit else ""
        return "\n\n".join(filter(None, [self.declared.description, limit]))

    def get_tags(self) -> list[str]:
        return [self.view.api_tag]  # type: ignore[attr-defined]  # set by `documented`

    def get_override_parameters(self) -> list[Any]:
        own = getattr(self.view, "query_parameters", ()) if self.method == "GET" else ()
        takes_key = self.method == "POST" and getattr(self.view, "takes_idempotency_key", False)
        return [*super().get_override_parameters(), *own, *([IDEMPOTENCY_KEY] if takes_key else [])]

    def _refusals(self, operation: dict[str, Any]) -> dict[str, Any]:
        parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
        checks_permission = self.declared.needs_token or any(operation.get("security", []))
        takes_body = "requestBody" in operation
        applies = {
            "400": takes_body or self._is_list(operation),
            "401": checks_permission,
            "403": {"session": []} in operation.get("security", []),
            "404": "{" in self.path,
            "406": True,
            "410": "Idempotency-Key" in parameters,
            "413": takes_body,
            "415": takes_body,
            "422": "Idempotency-Key" in parameters,
            "429": bool(self.declared.limit),
        }
        refusals: dict[str, Any] = {status: REFUSED[status].ref for status, does in applies.items() if does}
        if self.declared.forbidden:
            refusals["403"] = _forbidden([self.declared.forbidden])
        by_status: dict[int, list[type[Refused]]] = {}
        for refusal in self.declared.refusals:
            by_status.setdefault(refusal.status_code, []).append(refusal)
        if forbidden := by_status.get(403):
            refusals["403"] = _forbidden([str(refusal.default_detail) for refusal in forbidden])
        if conflicts := by_status.get(409):
            refusals["409"] = _conflict(codes_of(*conflicts))
        return refusals

    def _is_list(self, operation: dict[str, Any]) -> bool:
        """Returns whether this operation returns a list, and so refuses unknown query parameters."""
        schemas = (content["schema"] for content in operation["responses"].get("200", {}).get("content", {}).values())
        is_array = any(schema.get("type") == "array" for schema in schemas)
        return self.method == "GET" and (self._is_list_view() or is_array)


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Finishes the document: makes paths readable, and adds shared errors and an example for each JSON body."""
    schemas = result["components"]["schemas"]
    result["paths"] = {readable(path): operations for path, operations in result["paths"].items()}
    for name, schema in schemas.items():
        if "properties" in schema and not name.endswith("Request"):
            schema["required"] = sorted(schema["properties"])  # a response always has all of its component's fields
    for operations in result["paths"].values():
        for operation in operations.values():
            for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for content in body.get("content", {}).values():
                    if "example" not in content:
                        content["example"] = example_of(content["schema"], operation["operationId"])
    for name in schemas.keys() - _referenced(result):
        del schemas[name]  # request bodies have no read-only components
    schemas |= {f"{refusal.name}Error": refusal.schema() for refusal in REFUSALS} | {"Error": ONE_ERROR}
    for name, schema in schemas.items():
        _describe_fields(name, schema)
    for operations in result["paths"].values():
        for operation in operations.values():
            _describe_success(operation["responses"])
    _name_enum_values(schemas)
    result["components"]["responses"] = {refusal.name: refusal.response() for refusal in REFUSALS}
    return result


def _describe_fields(name: str, schema: dict[str, Any]) -> None:
    own = _fields.get(re.sub(r"^Patched|Request$", "", name), {})
    for field_name, inner in schema.get("properties", {}).items():
        description = own.get(field_name) or SHARED_FIELDS.get(field_name)
        if description is None or "description" in inner:
            continue
        inner["description"] = description  # allowed beside a reference in OpenAPI 3.1


def _describe_success(responses: dict[str, Any]) -> None:
    """Describes the successful responses by the name of their component, such as "A page of topics"."""
    for status, response in responses.items():
        if response.get("description") or not status.startswith("2"):
            continue
        schema: dict[str, Any] = next((content["schema"] for content in response.get("content", {}).values()), {})
        response["description"] = f"{SUCCESS[status]}: {_description_of(schema)}." if schema else f"{SUCCESS[status]}."


SUCCESS = {"200": "OK", "201": "Created", "202": "Accepted", "204": "Done; the response has no body"}


def _description_of(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"a list, each item {_description_of(schema['items'])}"
    if "$ref" not in schema:
        return f"a {schema['type']}"
    name = schema["$ref"].rpartition("/")[2]
    if listed := re.fullmatch(r"Paginated(\w+)List", name):
        return f"a page of the list, each item {_with_article(listed[1])}"
    return _with_article(name)


def _with_article(name: str) -> str:
    """Returns "a chat message" for `ChatMessage`, unless the app defines a better name."""
    if ITSELF in (own := _fields.get(name, {})):
        return own[ITSELF]
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def _name_enum_values(schemas: dict[str, Any]) -> None:
    """Names the values of numeric enums, since client generators would otherwise use names like VALUE_2001."""
    overrides: dict[str, str] = settings.SPECTACULAR_SETTINGS["ENUM_NAME_OVERRIDES"]
    for name, path in overrides.items():
        choices = import_string(path)
        if name in schemas and schemas[name]["type"] == "integer":
            schemas[name]["x-enum-varnames"] = choices.names


def _referenced(part: Any) -> set[str]:
    """Returns the names of the components that a part of the document refers to."""
    if isinstance(part, list):
        return set().union(*map(_referenced, part))
    if not isinstance(part, dict):
        return set()
    named = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
    return named.union(*map(_referenced, part.values()))


def readable(path: str) -> str:
    """Replaces the placeholders of a path by meaningful names."""
    names = placeholders(path)
    return re.sub(r"{(\w+)}", lambda found: f"{{{names[found[1]][0]}}}", path)


def placeholders(path: str) -> dict[str, tuple[str, str]]:
    """Returns the name and description of each placeholder, which the path's feature declares."""
    declared = {
        part: parameter
        for feature in installed_features()
        if path.startswith(f"/api/{feature.prefix}/")
        for part, parameter in feature.path_parameters.items()
    }
    return {name: declared[part] for part, name in re.findall(r"(\w+)/{(\w+)}", path)}


def example_of(schema: dict[str, Any], operation: str) -> Any:
    """Returns the example for this operation (`createRoom.Room`) if there is one, or else the component's example."""
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], operation)]
    name = schema["$ref"].rpartition("/")[2]
    if listed := re.fullmatch(r"Paginated(\w+)List", name):
        return {"count": 1, "next": None, "previous": None, "results": [_examples[listed[1]]]}
    return _examples.get(f"{operation}.{name}", _examples[name])


ONE_ERROR = {
    "type": "object",
    "description": "One thing that is wrong.",
    "properties": {
        "code": {"type": "string", "description": "Stable, for programs."},
        "detail": {"type": "string", "description": "For users; the text may change."},
        "attr": {"type": ["string", "null"], "description": "The field it is about, as on the wire."},
    },
    "required": ["attr", "code", "detail"],
}


def error_schema(types: tuple[str, ...], codes: tuple[str, ...], description: str) -> dict[str, Any]:
    """Returns the schema of an error with these codes, or with any code."""
    code = {"type": "string", "enum": list(codes)} if codes else {"type": "string"}
    detail = {"type": "string", "description": "For users; the text may change."}
    one = {
        "type": "object",
        "properties": {"code": code, "detail": detail, "attr": {"type": "null"}},
        "required": ["attr", "code", "detail"],
    }
    return {
        "type": "object",
        "description": description,
        "properties": {
            "type": {"type": "string", "enum": list(types)},
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": one if codes else {"$ref": "#/components/schemas/Error"},
            },
        },
        "required": ["errors", "type"],
    }


def error_example(kind: str, codes: dict[str, str], attr: str | None = None) -> dict[str, Any]:
    code, detail = next(iter(codes.items()))
    return {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}


def _forbidden(details: list[str]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ForbiddenError"}
    example = error_example("client_error", {NotAllowed.default_code: details[0]})
    return {"description": " ".join(details), "content": {JSON: {"schema": schema, "example": example}}}


def _conflict(codes: dict[str, str]) -> dict[str, Any]:
    description = "\n".join(f"* `{code}`: {detail}" for code, detail in codes.items())
    schema = error_schema(("client_error",), tuple(codes), "It does not go together with how things are now.")
    example = error_example("client_error", codes)
    return {"description": description, "content": {JSON: {"schema": schema, "example": example}}}
