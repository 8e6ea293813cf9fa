"""What every live socket may say, whatever it is about."""

from abc import ABC
from typing import Literal

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field


class Unnumbered(BaseMessage, ABC):
    """A frame without `seq`: what may be missed, what has an offset instead, and what is about the socket itself."""


class AuthenticationData(BaseModel):
    detail: str = Field(description="For people: OK, or why not.")
    seq: int | None = Field(None, description="Where the feed stands; null for who is refused.")


class AuthenticationPayload(BaseModel):
    status_code: int = Field(description="As in HTTP: 200, or the refusal's status (400, 401, 403, 404, 429).")
    status_text: str = Field(description="The status in words.")
    data: AuthenticationData


class AuthenticationMessage(Unnumbered):
    """The first frame: let in (200), and where the feed stands, or refused with a status; then the socket is closed."""

    action: Literal["authentication"] = "authentication"
    payload: AuthenticationPayload


class ResyncPayload(BaseModel):
    seq: int = Field(description="Where the feed stands: the next numbered frame has one more.")


class ResyncMessage(Unnumbered):
    """What the reader missed can't be told any more: fetch again by REST, and go on from this number."""

    action: Literal["resync"] = "resync"
    payload: ResyncPayload
