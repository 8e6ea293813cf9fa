"""Reads why an OpenAI-compatible server rejected a request, and adapts the next request to what it accepts.

Servers have no common codes for this, only wording. Nothing of the wording leaves this file: it may quote keys,
addresses and the conversation.
"""

import json
import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

TokenLimit = Literal["max_tokens", "max_completion_tokens"]

TOO_LONG = re.compile(
    r"""
    context[ _](length|window|size|limit) | maximum\ context | context\ overflow | context\ the\ overflows
    | (prompt|input|request|message|messages|conversation|text)(\ is|\ are)?\ too\ (long|large|big)
    | string\ too\ long | too\ many\ (input\ |prompt\ )?tokens
    | (reduce|shorten)\ (the\ |your\ )?(length\ of\ (the\ |your\ )?)?(messages?|prompts?|inputs?|conversation)
    | input\ length\ and\ \W?max_tokens\W?\ exceed
    | maximum\ (prompt|input)\ length | range\ of\ input\ length
    | (token\ count|prompt|input|request|number\ of\ (input\ )?tokens)\b[^.]{0,60}\bexceed(s|ed|ing)?\b
    | must\ have\ less\ than\ \d+\ tokens | \binputs\W{0,3}\ tokens\ \+ | \d+\ tokens?\ >\ \d+
    """,
    re.VERBOSE,
)
# The limit that was asked for is more than the model can write, however short the conversation is.
LIMIT_TOO_LARGE = re.compile(
    r"max_(completion_|output_)?tokens\W[^.]{0,60}\btoo (large|high|big)|at most \d+ completion"
)
NAMES_LIMIT = re.compile(r"max_(completion_)?tokens|tokens? in the (messages|prompt)|in the completion")
NO_SYSTEM_ROLE = re.compile(
    r"""
    [\\"'`]+system[\\"'`]+
    | system[ _-]?(role|instruction|prompt|message|turn)s?\b
    | developer\ (instruction|message|role)
    | roles?\ must\ alternate | roles\ should\ alternate
    | (only|be)\ \W*user\W+(and|or|,)?\W*assistant | only\ \W*(user|assistant)\b[^.]{0,20}\broles
    | \brole\W+system
    """,
    re.VERBOSE,
)


class Part(StrEnum):
    """A part of a request that a server may reject."""

    SYSTEM_ROLE = "system_role"
    STREAM_OPTIONS = "stream_options"
    LENGTH_LIMIT = "length_limit"  # by the name that was sent
    ANY_LENGTH_LIMIT = "any_length_limit"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The parts of a request that a rejection names, and whether it says that the conversation is too long."""

    parts: frozenset[Part] = frozenset()
    is_too_long: bool = False


def read_rejection(body: object) -> Rejection:
    """Returns what the body of a rejection says; it may be text, or any JSON."""
    text = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)).lower()
    parts = set()
    if "stream_options" in text or "include_usage" in text:
        parts.add(Part.STREAM_OPTIONS)
    if NO_SYSTEM_ROLE.search(text):
        parts.add(Part.SYSTEM_ROLE)
    if LIMIT_TOO_LARGE.search(text):
        return Rejection(frozenset({Part.ANY_LENGTH_LIMIT}))
    is_too_long = TOO_LONG.search(text) is not None
    if NAMES_LIMIT.search(text):
        parts.add(Part.ANY_LENGTH_LIMIT if is_too_long else Part.LENGTH_LIMIT)
    return Rejection(frozenset(parts), is_too_long)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """The optional parts of a request that a server accepts for a model."""

    token_limits: tuple[TokenLimit, ...]  # the names to try: the first is sent
    system_role: bool = True
    stream_options: bool = True

    def without(self, rejected: frozenset[Part]) -> "RequestFormat | None":
        """Returns the format without these parts; None if none of them was sent."""
        limits = self.token_limits
        if Part.ANY_LENGTH_LIMIT in rejected:
            limits = ()
        elif Part.LENGTH_LIMIT in rejected:
            limits = limits[1:]
        adapted = replace(
            self,
            token_limits=limits,
            system_role=self.system_role and Part.SYSTEM_ROLE not in rejected,
            stream_options=self.stream_options and Part.STREAM_OPTIONS not in rejected,
        )
        return adapted if adapted != self else None


class KnownFormats:
    """The formats that this process has learned, for the servers and models that it asked last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._formats: OrderedDict[tuple[str, str], RequestFormat] = OrderedDict()

    def get(self, url: str, model: str) -> RequestFormat | None:
        return self._formats.get((url, model))

    def remember(self, url: str, model: str, accepted: RequestFormat) -> None:
        self._formats[url, model] = accepted
        self._formats.move_to_end((url, model))
        if len(self._formats) > self._size:
            self._formats.popitem(last=False)

    def clear(self) -> None:
        self._formats.clear()
