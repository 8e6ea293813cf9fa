"""Builds the AsyncAPI document. chanx generates it from the consumers; this module adds what else clients need."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

from chanx.asyncapi.generator import AsyncAPIGenerator
from chanx.channels.discovery import DjangoRouteDiscovery
from chanx.channels.settings import chanx_settings
from chanx.core.registry import message_registry
from chanx.messages.base import BaseMessage
from chanx.routing.discovery import RouteDiscovery
from django.conf import settings

from accounts.cookies import ACCESS_COOKIE
from asyncapi.close_codes import close_codes_of, table
from asyncapi.examples import example_of
from core.features import installed_features
from live.messages import Unnumbered

SEQ = {"type": "integer", "minimum": 1, "description": "The number of this event in the channel's feed."}
REF = {
    "anyOf": [{"type": "string"}, {"type": "null"}],
    "description": "Comes back on the reply; null is the same as none.",
}
REPLY_REF = {"type": "string", "description": "The `ref` of the request that this answers, if it had one."}
VERSION = {"type": "integer", "description": "Of the frame's form; stands beside `ref`."}
# chanx doesn't generate schemas for these.
FAILURE = {
    "title": "Failure",
    "type": "object",
    "properties": {"detail": {"type": "string", "description": "For users."}},
    "required": ["detail"],
}
PROBLEM = {
    "title": "FrameProblem",
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "The error, for programs."},
        "loc": {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "description": "Where in the frame: names of fields, and positions in lists.",
        },
        "msg": {"type": "string", "description": "The same for users."},
    },
    "required": ["type", "loc", "msg"],
}
ERROR_PAYLOAD = {
    "description": "The error in the frame, or a failure to handle it.",
    "anyOf": [
        {"type": "array", "items": {"$ref": "#/components/schemas/FrameProblem"}},
        {"$ref": "#/components/schemas/Failure"},
    ],
}
DESCRIPTIONS = {
    "ErrorMessage": "A frame of the client was malformed, or could not be served. The socket lives on.",
    "PingMessage": "Check that the connection works",
    "PongMessage": "Yes.",
}
SINCE = {
    "type": "integer",
    "minimum": 0,
    "description": "The number of the last event that the client has: what came after it is sent first.",
}


def build_document(
    host: str, protocol: str, *, discovery: type[RouteDiscovery] = DjangoRouteDiscovery, **info: str
) -> dict[str, Any]:
    """Returns the document for clients of this host. `protocol` is ws or wss. `info` replaces the title, version or
    description.
    """
    document = deepcopy(_contract(discovery)) | {
        "servers": {"site": {"host": host, "protocol": protocol, "security": _references_to_security()}}
    }
    document["info"] |= info
    return document


@lru_cache(maxsize=1)
def _contract(discovery: type[RouteDiscovery]) -> dict[str, Any]:
    """Builds all parts of the document except the server, which depends on the client's request."""
    document = Generator(
        discovery().discover_routes(),
        title=chanx_settings.ASYNCAPI_TITLE,
        version=chanx_settings.ASYNCAPI_VERSION,
        description=chanx_settings.ASYNCAPI_DESCRIPTION.replace("{table of closing codes}", table()),
        camelize=True,
        security_schemes=_security_schemes(),
    ).generate()
    document = deepcopy(document)  # copied, because chanx reuses parts of the document
    document["info"]["license"] = {"name": "BSD-3-Clause"}
    document["defaultContentType"] = "application/json"
    _drop_unreachable(document)
    schemas, messages = document["components"]["schemas"], document["components"]["messages"]
    schemas |= {"Failure": deepcopy(FAILURE), "FrameProblem": deepcopy(PROBLEM)}
    schemas["ErrorMessage"]["properties"]["payload"] = ERROR_PAYLOAD
    for name, description in DESCRIPTIONS.items():
        schemas[name]["description"] = description
        schemas[name]["properties"]["payload"].setdefault("description", "Nothing.")
    sent = _names_of_sent(document)
    for name, channel in document["channels"].items():
        _complete_channel(name, channel)
    received = {
        reference.rpartition("/")[2] for reference in _references_in([messages[m] for m in set(messages) - sent])
    }
    _require_all_fields(schemas, sent_by_clients=_reachable(schemas, received & set(schemas)))
    for message_class in [one for one in message_registry.messages if _message_name(one) in messages]:
        _complete_message(message_class, document, is_sent=_message_name(message_class) in sent)
    return document


class Generator(AsyncAPIGenerator):
    """Omits the operations that chanx adds for events, since the events in a consumer's `emits` are already listed."""

    def _build_single_operation(self, handler_info: Any, consumer: Any, route: Any, is_event: bool = False) -> None:
        if not is_event:
            super()._build_single_operation(handler_info, consumer, route)


def _drop_unreachable(document: dict[str, Any]) -> None:
    """Drops the messages of consumers that chanx has registered but that no URL leads to."""
    components = document["components"]
    used_names = {name for channel in document["channels"].values() for name in channel["messages"]}
    components["messages"] = {name: components["messages"][name] for name in sorted(used_names)}
    used = {reference.rpartition("/")[2] for reference in _references_in(components["messages"])} - {"ref"}
    needed = _reachable(components["schemas"], used)
    components["schemas"] = {name: components["schemas"][name] for name in sorted(needed)}


def _complete_channel(name: str, channel: dict[str, Any]) -> None:
    channel["address"] = "/" + channel["address"]
    for parameter in channel.get("parameters", {}).values():
        (docs,) = [feature.sockets[name] for feature in installed_features() if name in feature.sockets]
        parameter |= {"description": docs.id_description, "examples": [docs.id_example]}
    query = {"type": "object", "properties": {"since": SINCE}, "additionalProperties": False}
    channel["x-close-codes"] = close_codes_of(name)
    channel["bindings"] = {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}}


def _names_of_sent(document: dict[str, Any]) -> set[str]:
    sent: set[str] = set()
    for operation in document["operations"].values():
        received = operation if operation["action"] == "send" else operation.get("reply", {"messages": []})
        sent |= {reference["$ref"].rpartition("/")[2] for reference in received["messages"]}
    return sent


def _reachable(schemas: dict[str, Any], names: set[str]) -> set[str]:
    found: set[str] = set()
    while names - found:
        name = (names - found).pop()
        found.add(name)
        names = names | {reference.rpartition("/")[2] for reference in _references_in(schemas[name])}
    return found


def _references_in(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [reference for inner in part.values() for reference in _references_in(inner)]
    if isinstance(part, list):
        return [reference for inner in part for reference in _references_in(inner)]
    return []


def _require_all_fields(schemas: dict[str, Any], *, sent_by_clients: set[str]) -> None:
    """Marks all fields of messages from the server as required, and forbids other fields. In messages from clients,
    fields with defaults stay optional.
    """
    for name, schema in schemas.items():
        if schema.get("type") == "object" and name not in sent_by_clients:
            schema["required"] = list(schema["properties"])
            schema["additionalProperties"] = False


def _complete_message(message_class: type[BaseMessage], document: dict[str, Any], *, is_sent: bool) -> None:
    schemas = document["components"]["schemas"]
    message = document["components"]["messages"][_message_name(message_class)]
    schema = schemas[message["payload"]["$ref"].rpartition("/")[2]]
    action = schema["properties"]["action"]
    action["description"] = "The kind of the frame."
    message |= {"name": action["const"], "title": action["const"], "summary": schema.get("description", "")}
    example = example_of(schema, schemas)
    if not is_sent:
        schema["required"] = ["action", *(name for name in schema.get("required", []) if name != "action")]
        schema["properties"]["ref"] = REF
    elif message_class.__module__.startswith("chanx."):  # chanx's own messages reply to a client's frame
        schema["properties"] |= {"ref": REPLY_REF, "version": VERSION}
    elif not issubclass(message_class, Unnumbered):
        schema["properties"]["seq"] = SEQ
        schema["required"].append("seq")
        example["seq"] = 1205
    message["examples"] = [{"payload": example}]


def _message_name(message_class: type[BaseMessage]) -> str:
    # Follows chanx's conversion of names to camelCase.
    name = message_registry.messages[message_class].rpartition("/")[2]
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _security_schemes() -> dict[str, dict[str, Any]]:
    return {
        "session": {
            "type": "httpApiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A browser that is signed in. Only for pages of this site.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "`Authorization: Bearer <access>` with the token of `/api/accounts/login/`; or, from a "
            "browser on another origin, `Sec-WebSocket-Protocol: bearer, <access>`.",
        },
        "tokenCookie": {
            "type": "httpApiKey",
            "in": "cookie",
            "name": ACCESS_COOKIE,
            "description": "The same token as a cookie. Only for pages of this site.",
        },
    }


def _references_to_security() -> list[dict[str, str]]:
    return [{"$ref": f"#/components/securitySchemes/{name}"} for name in _security_schemes()]
