"""Generates examples from the schemas, so that the examples are always valid."""

from typing import Any

# Examples by field name, for fields whose type alone would give a meaningless example.
BY_NAME: dict[str, Any] = {
    "chatRole": 2003,
    "code": "model_timeout",
    "content": "At the mouth of the bay.",
    "contentHtml": "<p>At the mouth of the bay.</p>\n",
    "description": "Everything about the sea",
    "detail": "OK",
    "displayName": "Alice",
    "error": "",
    "errorDetail": "",
    "formattedCreatedAt": "24 Nov 2026, 11:56",
    "formattedTime": "24 Nov 2026, 11:56",
    "groupTitle": "Harbour",
    "html": "<p>At the mouth of the bay.</p>",
    "isDeleted": False,
    "isEdited": False,
    "length": 24,
    "loc": ["payload", "isTyping"],
    "message": "You were removed from “Harbour”.",
    "messageId": 41,
    "model": "gpt-4o-mini",
    "msg": "Input should be a valid boolean",
    "offset": 0,
    "replyAuthor": "Bob",
    "senderName": "Alice",
    "statusCode": 200,
    "statusText": "OK",
    "tags": ["tides"],
    "title": "Tides",
    "topicTitle": "Tides",
    "type": "bool_type",
    "user": "Alice",
}
BY_FORMAT = {"date-time": "2026-11-24T11:56:13.250000Z", "uuid": "0b5f1f0e-8a53-4f0c-9d55-6f2f1f6a1c11"}
NUMBER = 42


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """Returns a value that `schema` allows. `name` is the name of the field with this schema."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas, name)
    if name in BY_NAME:
        return BY_NAME[name]
    match schema.get("type"):
        case "object":
            return {field: example_of(inner, schemas, field) for field, inner in schema["properties"].items()}
        case "array":
            return [example_of(schema["items"], schemas, name.removesuffix("s"))]
        case "string":
            return BY_FORMAT.get(schema.get("format", ""), "…")
        case "integer":
            return NUMBER
        case "boolean":
            return True
        case _:
            return None
