"""Limits the size and depth of JSON from clients, before any code loops over its keys."""

from typing import Any

MAX_KEYS = 1_000
MAX_VALUES = 10_000
MAX_DEPTH = 20


class TooComplex(ValueError):
    """The JSON has more keys, values or levels than any request of the API needs."""


def check_json(data: Any) -> None:
    """Raises `TooComplex` if the parsed JSON has too many keys or values, or is nested too deeply."""
    keys = values = 0
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        next_level: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                keys += len(value)
                next_level.extend(value.values())
            elif isinstance(value, list):
                next_level.extend(value)
        values += len(next_level)
        if keys > MAX_KEYS or values > MAX_VALUES:
            raise TooComplex("too many keys or values")
        if not next_level:
            return
        level = next_level
    raise TooComplex("nested too deeply")
