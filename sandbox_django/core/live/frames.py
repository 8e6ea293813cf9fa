"""How a message becomes the text that browsers get. Encoded once, however many listen."""

import json
from typing import Any

import humps
from chanx.messages.base import BaseMessage


def encode(message: BaseMessage, *, seq: int | None = None) -> str:
    """The frame of a message; `seq` is its number in its feed, for a fact."""
    frame: dict[str, Any] = humps.camelize(message.model_dump(mode="json"))
    if seq is not None:
        frame["seq"] = seq
    return dumps(frame)


def dumps(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
