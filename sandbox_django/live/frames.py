"""How a message becomes the text that browsers get. Encoded once, however many listen."""

import functools
import json
from typing import Any

import humps
from chanx.messages.base import BaseMessage


def encode(message: BaseMessage, *, seq: int | None = None) -> str:
    """The frame of a message; `seq` is its number in its feed, for an event."""
    frame = camelize(message.model_dump(mode="json"))
    if seq is not None:
        frame["seq"] = seq
    return dumps(frame)


def camelize(value: Any) -> Any:
    """Names as on the wire, at any depth."""
    if isinstance(value, dict):
        return {_camel(name): camelize(part) for name, part in value.items()}
    if isinstance(value, list):
        return [camelize(part) for part in value]
    return value


@functools.cache  # names of our classes' fields
def _camel(name: str) -> str:
    return str(humps.camelize(name))


def dumps(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
