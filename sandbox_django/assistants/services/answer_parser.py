"""Finds the text in an answer that an OpenAI-compatible server streams."""

import json
from typing import Any

from pydantic_core import from_json


class AnswerParser:
    """Turns the bytes of one streamed answer, cut anywhere, into its text.

    Written for little work per token: everything that arrived together is decoded at once and comes back as one
    piece, and the usual event (one `data:` line) takes the shortest path. Never raises: what came before the trouble
    is still to be shown.
    """

    __slots__ = ("_rest", "error", "events", "finish_reason", "is_done", "is_nonsense", "usage")

    def __init__(self) -> None:
        self._rest = b""
        self.events = 0
        self.is_done = False
        self.is_nonsense = False
        # As the server sent them, to be read with care.
        self.finish_reason: Any = None
        self.usage: Any = None
        self.error: Any = None

    def feed(self, data: bytes) -> str:
        """The text of the events that these bytes complete."""
        if self._rest:
            data = self._rest + data
        if b"\r" in data:  # JSON escapes it, so it can only end a line
            data = data.replace(b"\r\n", b"\n")
        complete, _, self._rest = data.rpartition(b"\n\n")
        if not complete:
            return ""
        pieces: list[str] = []
        try:
            for event in complete.decode(errors="replace").split("\n\n"):
                if text := self._read(event):
                    pieces.append(text)
                if self.error or self.is_done:
                    break  # whatever follows is no part of the answer
        except (AttributeError, LookupError, TypeError, ValueError):  # no JSON, or not of an answer's shape
            self.is_nonsense = True
        return "".join(pieces)

    def _read(self, event: str) -> str:
        if event.startswith("data: {") and "\n" not in event:
            data = event[6:]
        else:
            data = "\n".join([line[5:] for line in event.split("\n") if line.startswith("data:")]).strip()
            if data == "[DONE]":
                self.is_done = True
                return ""
            if not data:
                return ""
        chunk = _loads(data)
        self.events += 1
        # Some servers repeat the running total in every chunk: the last one counts, not the sum.
        if usage := chunk.get("usage"):
            self.usage = usage
        if error := chunk.get("error"):
            self.error = error
        if not (choices := chunk.get("choices")):
            return ""
        choice = choices[0]
        if reason := choice.get("finish_reason"):
            self.finish_reason = reason
        if not (delta := choice.get("delta")) or not (content := delta.get("content")):
            return ""
        if not isinstance(content, str):
            raise TypeError
        return content


def _loads(data: str) -> Any:
    try:
        return from_json(data)  # takes half as long, and there is one for each token
    except ValueError:
        return json.loads(data)  # which lets half a character through, as a server may send it
