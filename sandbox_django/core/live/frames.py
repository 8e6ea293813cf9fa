"""How a message becomes the text that browsers get. Encoded once, however many listen."""

import functools
import json
from typing import Any

import humps
from chanx.messages.base import BaseMessage


def encode(message: BaseMessage, *, seq: int | None = None) -> str:
    """The frame of a message; `seq` is its number in its feed, for a fact."""
    frame = _camelized(message.model_dump(mode="json"))
    if seq is not None:
        frame["seq"] = seq
    return dumps(frame)


def _camelized(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel(name): _camelized(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_camelized(part) for part in value]
    return value


@functools.cache  # names of our classes' fields
def _camel(name: str) -> str:
    return str(humps.camelize(name))


def dumps(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
