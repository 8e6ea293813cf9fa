"""The position of one socket: which events and which part of the streamed text its client has. Pure, no I/O."""

from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """The action for an event or a chunk that arrives."""

    SEND = auto()
    DROP = auto()  # the client has it
    GAP = auto()  # something before it is missing
    TEXT_GAP = auto()  # an earlier chunk of the same text is missing


# By these names: Python 3.11 takes 0.1 µs to look up a member of an enumeration, and each frame needs several.
SEND, DROP, GAP, TEXT_GAP = Step


@dataclass(slots=True)
class Cursor:
    """Events are numbered by `seq`, the text by its offset in characters. Texts come one after the other."""

    seq: int = 0
    _text_id: int = 0
    _text_length: int = 0  # characters of it that were sent
    _ended_text_id: int = 0  # this text and all before it have ended
    _resynced_at: int = -1

    def on_event(
        self, seq: int, *, text_id: int | None = None, text_length: int | None = None, from_log: bool = False
    ) -> Step:
        """Moves to this event if it is the next one.

        `text_id` and `text_length` are of the text that the event ends. `from_log`: it was just read there, together
        with the text, so nothing more of what comes before it will be found.
        """
        if seq <= self.seq:
            return DROP
        if seq > self.seq + 1:
            return GAP
        if text_id is not None:
            if not from_log and self._length_of(text_id) < (text_length or 0):
                return GAP
            self.end_texts(text_id)
        self.seq = seq
        return SEND

    def on_chunk(self, text_id: int, *, after: int, offset: int, from_log: bool = False) -> Step:
        """Compares a chunk with the position; `after` is the number of the event that its text follows."""
        if text_id <= self._ended_text_id:
            return DROP
        if after > self.seq:
            return GAP
        if not from_log and after <= self._resynced_at and text_id != self._text_id:
            return GAP  # the text began in skipped events, so it may have ended: ask the database
        if offset > self._length_of(text_id):
            return TEXT_GAP
        return SEND

    def send_text(self, text_id: int, end: int) -> int | None:
        """Moves to `end` of the text; returns the offset to send from, or None if the client has all of it."""
        sent = self._length_of(text_id)
        if end <= sent:
            return None
        self._text_id, self._text_length = text_id, end
        return sent

    def end_texts(self, text_id: int) -> None:
        """Chunks of this text and of those before it are dropped from now on."""
        self._ended_text_id = max(self._ended_text_id, text_id)

    def resync(self, head: int) -> None:
        """Moves to the head of a log that can't replay what is missing."""
        if head < self.seq:
            self._ended_text_id = 0  # a restored database gives its ids again
        self.seq = self._resynced_at = head
        self._text_id = self._text_length = 0

    def _length_of(self, text_id: int) -> int:
        return self._text_length if text_id == self._text_id else 0
