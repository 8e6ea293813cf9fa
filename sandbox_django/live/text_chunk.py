"""Texts that are still being written: too many pieces for rows, so they are numbered by their offset in characters."""

import json
from dataclasses import dataclass

from live.frames import dumps
from live.layers import LayerMessage


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some characters of a text, already as the frame that browsers get.

    `after` is the number of the event that must be heard before (the question, for an answer). The frame's payload has
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
        """The frame without what comes before `offset`, for a reader who has that already."""
        if offset == self.offset:
            return self.frame
        frame = json.loads(self.frame)
        payload = frame["payload"]
        payload["content"] = payload["content"][offset - self.offset :]
        payload["offset"] = offset
        return dumps(frame)

    def message(self, feed: str) -> LayerMessage:
        """The piece as the channel layer carries it to the hubs."""
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
    """The newest text of a feed when a reader opens it: one that runs is sent from its start, an ended one is over."""

    text_id: int
    is_running: bool
