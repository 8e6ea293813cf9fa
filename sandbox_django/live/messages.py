"""Messages that every live socket may send."""

from abc import ABC, abstractmethod
from functools import lru_cache
from http import HTTPStatus
from typing import Literal

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, Field

from live.frames import dumps, encode


class Unnumbered(BaseMessage, ABC):
    """A frame without `seq`: a hint, a text chunk, or a frame about the socket itself."""


class LoggedMessage(BaseMessage, ABC):
    """An event whose frame contains text. The frame is rewritten in the log when the text is changed or deleted."""

    @property
    @abstractmethod
    def object_key(self) -> str:
        """The object whose text the frame contains: its type and id, as in "chat.message:41"."""

    @property
    def named_user(self) -> int | None:
        """The id of the user whose display name the frame contains."""
        return None


class AuthenticationData(BaseModel):
    detail: str = Field(description="For users: OK, or the reason for the refusal.")
    seq: int | None = Field(None, description="Where the feed stands; null for who is refused.")


class AuthenticationPayload(BaseModel):
    status_code: int = Field(description="As in HTTP: 200, or the refusal's status (400, 401, 403, 404, 429).")
    status_text: str = Field(description="The status in words.")
    data: AuthenticationData


class AuthenticationMessage(Unnumbered):
    """The first frame: 200 and the head of the feed, or the status of a refusal; then the socket is closed."""

    action: Literal["authentication"] = "authentication"
    payload: AuthenticationPayload


@lru_cache(maxsize=200)  # after a deploy, the sockets of a room reconnect and get the same frame
def authentication_frame(status: HTTPStatus, detail: str, seq: int | None = None) -> str:
    data = AuthenticationData(detail=detail, seq=seq)
    payload = AuthenticationPayload(status_code=status, status_text=status.phrase, data=data)
    return encode(AuthenticationMessage(payload=payload))


class ResyncPayload(BaseModel):
    seq: int = Field(description="Where the feed stands: the next numbered frame has one more.")


class ResyncMessage(Unnumbered):
    """Missed events are no longer in the log: fetch again by REST, and continue from this number."""

    action: Literal["resync"] = "resync"
    payload: ResyncPayload


class TextChunkPayload(BaseModel):
    text_id: int = Field(description="Id of the text.")
    offset: int = Field(description="Unicode characters of the text before this content.")
    content: str = Field(description="The new text.")


class TextChunkMessage(Unnumbered):
    """More of a text that is being written. A page that has less than `offset` of it ignores the chunk and waits."""

    action: Literal["text_chunk"] = "text_chunk"
    payload: TextChunkPayload

    @staticmethod
    def frame(content: str, *, text_id: int, offset: int) -> str:
        """Returns the frame of a chunk. It doesn't build the model, because there are very many chunks."""
        payload = f'"textId":{text_id},"offset":{offset},"content":{dumps(content)}'
        return f'{{"action":"text_chunk","payload":{{{payload}}}}}'
