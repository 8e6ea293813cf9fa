"""Tracks which events and which part of the streamed text one client has. Does no I/O."""

from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """The action for an event or chunk that arrived."""

    SEND = auto()
    DROP = auto()  # the client already has it
    GAP = auto()  # an earlier event, or the last part of an ended text, is missing
    TEXT_GAP = auto()  # an earlier chunk of the same text is missing


# Module constants, because Python 3.11 takes 0.1 µs to look up an enum member, and each frame needs several lookups.
SEND, DROP, GAP, TEXT_GAP = Step


@dataclass(slots=True)
class Cursor:
    """The position of one client: the sequence number of its newest event, and its offset in the newest text.

    A feed has only one running text at a time.
    """

    seq: int = 0
    _text_id: int = 0
    _text_length: int = 0  # characters of this text that were sent
    _ended_text_id: int = 0  # the texts up to this id have ended
    _resynced_at: int = -1

    def on_event(
        self, seq: int, *, text_id: int | None = None, text_length: int | None = None, from_log: bool = False
    ) -> Step:
        """Moves to this event if it is next.

        `text_id` and `text_length` belong to the text that the event ends. `from_log` means that the event was just
        read from the log, together with the stored text, so that another read would not find more of the text.
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
        """Compares a chunk with the position. `after` is the sequence number of the event that its text follows."""
        if text_id <= self._ended_text_id:
            return DROP
        if after > self.seq:
            return GAP
        if not from_log and after <= self._resynced_at and text_id != self._text_id:
            return GAP  # the resync skipped the start of this text, and perhaps its end: ask the database
        if offset > self._length_of(text_id):
            return TEXT_GAP
        return SEND

    def send_text(self, text_id: int, end: int) -> int | None:
        """Moves to offset `end` of the text. Returns the offset to send from; None if the client has this part."""
        sent = self._length_of(text_id)
        if end <= sent:
            return None
        self._text_id, self._text_length = text_id, end
        return sent

    def end_texts(self, text_id: int) -> None:
        """Drops all further chunks of the texts up to this id."""
        self._ended_text_id = max(self._ended_text_id, text_id)

    def resync(self, head: int) -> None:
        """Moves to the head of a log that can't replay the missing events."""
        if head < self.seq:
            self._ended_text_id = 0  # a restored database uses the ids of lost texts again
        self.seq = self._resynced_at = head
        self._text_id = self._text_length = 0

    def _length_of(self, text_id: int) -> int:
        return self._text_length if text_id == self._text_id else 0
