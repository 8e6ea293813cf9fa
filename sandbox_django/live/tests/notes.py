"""A simple event, a recording channel layer, and a way to replace the layer, for the tests of the live core."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

from channels.layers import DEFAULT_CHANNEL_LAYER, channel_layers
from chanx.messages.base import BaseMessage
from pydantic import BaseModel

from live.layers import LayerMessage, LiveLayer, MemoryLayer


class NotePayload(BaseModel):
    number: int


class NoteWritten(BaseMessage):
    """The smallest possible event."""

    action: Literal["note_written"] = "note_written"
    payload: NotePayload

    @classmethod
    def of(cls, number: int) -> Self:
        return cls(payload=NotePayload(number=number))


class RecordingLayer(MemoryLayer):
    """A layer that records sent messages, and can be down."""

    def __init__(self, *, is_down: bool = False, **config: Any) -> None:
        super().__init__(**config)
        self.is_down = is_down
        self.sent: list[tuple[str, LayerMessage]] = []

    async def group_send(self, group: str, message: LayerMessage) -> None:
        if self.is_down:
            raise ConnectionRefusedError
        self.sent.append((group, message))
        await super().group_send(group, message)


@contextmanager
def layer_in_use(layer: LiveLayer) -> Iterator[None]:
    """Replaces the default channel layer everywhere."""
    before = channel_layers[DEFAULT_CHANNEL_LAYER]  # creates the layer if it doesn't exist yet
    channel_layers.set(DEFAULT_CHANNEL_LAYER, layer)
    try:
        yield
    finally:
        channel_layers.set(DEFAULT_CHANNEL_LAYER, before)
