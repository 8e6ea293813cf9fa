"""The optional parts of a request, some of which OpenAI-compatible servers may reject."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

TokenLimit = Literal["max_tokens", "max_completion_tokens"]

OPENAI_URL = "https://api.openai.com/v1"


class Part(StrEnum):
    """A part of a request that a server may reject."""

    SYSTEM_ROLE = "system_role"
    STREAM_OPTIONS = "stream_options"
    LENGTH_LIMIT = "length_limit"  # the server rejects the parameter name that was sent
    ANY_LENGTH_LIMIT = "any_length_limit"


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """The optional parts of a request that a server accepts for a model."""

    token_limits: tuple[TokenLimit, ...]  # the parameter names that are left to try; the first is sent
    system_role: bool = True
    stream_options: bool = True

    def without(self, rejected: frozenset[Part]) -> "RequestFormat | None":
        """Returns the format without the rejected parts; None if the request had none of these parts."""
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


def first_format(url: str) -> RequestFormat:
    """Returns the format to try first for a server."""
    # OpenAI's newer models only accept `max_completion_tokens`, and most compatible servers only `max_tokens`.
    if url == OPENAI_URL:
        return RequestFormat(("max_completion_tokens", "max_tokens"))
    return RequestFormat(("max_tokens", "max_completion_tokens"))


class KnownFormats:
    """Stores the request formats that this process has learned, for the most recently used servers and models."""

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


known_formats = KnownFormats(100)  # pairs of server and model
