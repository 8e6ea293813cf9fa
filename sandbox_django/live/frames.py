"""Encodes messages as the JSON text that clients receive; each message is encoded once for all recipients."""

import functools
import json
from typing import Any

import humps
from chanx.messages.base import BaseMessage


def encode(message: BaseMessage, *, seq: int | None = None) -> str:
    """Returns the frame of a message. `seq` is the sequence number if the message is an event of a feed."""
    frame = camelize(message.model_dump(mode="json"))
    if seq is not None:
        frame["seq"] = seq
    return dumps(frame)


def camelize(value: Any) -> Any:
    """Returns the data with all keys in camelCase, at any depth."""
    if isinstance(value, dict):
        return {_camel(name): camelize(part) for name, part in value.items()}
    if isinstance(value, list):
        return [camelize(part) for part in value]
    return value


@functools.cache  # unbounded, since the keys are field names of our classes
def _camel(name: str) -> str:
    return str(humps.camelize(name))


def dumps(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
