"""A part of a text that is being written, numbered by its offset in characters."""

import json
from dataclasses import dataclass

from live.frames import dumps
from live.layers import LayerMessage


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some characters of a text, with the frame that clients receive.

    `after` is the number of the event that the text follows (the question, for an answer). The frame's payload has
    `content` and `offset`; `length` is that of the content. All counts are Unicode characters.
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
        """Returns the frame without the characters before `offset`, for a client that has those."""
        if offset == self.offset:
            return self.frame
        frame = json.loads(self.frame)
        payload = frame["payload"]
        payload["content"] = payload["content"][offset - self.offset :]
        payload["offset"] = offset
        return dumps(frame)

    def message(self, feed: str) -> LayerMessage:
        """Returns the chunk as the channel layer carries it to the hubs."""
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
    """The newest text of a feed when a client joins it. If it is running, it is sent from its start."""

    text_id: int
    is_running: bool
