"""A part of a running text, with its offset in characters."""

import json
from dataclasses import dataclass

from live.frames import dumps
from live.layers import LayerMessage


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A part of a text, with the frame that clients receive.

    `after` is the sequence number of the event that the text follows; an answer follows its question. The frame's
    payload has `content` and `offset`, and `length` is the content's length. Both count Unicode characters.
    """

    text_id: int
    after: int
    offset: int
    length: int
    frame: str

    @property
    def end(self) -> int:
        return self.offset + self.length

    def from_offset(self, offset: int) -> str:
        """Returns the frame without the characters before `offset`, which the client already has."""
        if offset == self.offset:
            return self.frame
        frame = json.loads(self.frame)
        payload = frame["payload"]
        payload["content"] = payload["content"][offset - self.offset :]
        payload["offset"] = offset
        return dumps(frame)

    def message(self, feed: str) -> LayerMessage:
        """Returns the channel-layer message that carries the chunk to the hubs."""
        return {
            "type": "live.text",
            "group": feed,
            "text_id": self.text_id,
            "after": self.after,
            "offset": self.offset,
            "length": self.length,
            "frame": self.frame,
        }


@dataclass(frozen=True, slots=True)
class LatestStream:
    """The newest text of a feed when a client joins. The client receives it from its start if it is running."""

    text_id: int
    is_running: bool
