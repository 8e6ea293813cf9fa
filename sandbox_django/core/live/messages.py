"""What every live socket may say, whatever it is about."""

from typing import Literal

from chanx.messages.base import BaseMessage
from pydantic import BaseModel


class AuthenticationData(BaseModel):
    detail: str
    seq: int | None = None  # where the feed stands; refused sockets have none


class AuthenticationPayload(BaseModel):
    status_code: int
    status_text: str
    data: AuthenticationData


class AuthenticationMessage(BaseMessage):
    """The first frame: let in (200), and where the feed stands, or refused with a status; then the socket is closed."""

    action: Literal["authentication"] = "authentication"
    payload: AuthenticationPayload


class ResyncPayload(BaseModel):
    seq: int


class ResyncMessage(BaseMessage):
    """What the reader missed can't be told any more: fetch again by REST, and go on from this number."""

    action: Literal["resync"] = "resync"
    payload: ResyncPayload
