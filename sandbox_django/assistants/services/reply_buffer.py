"""The text of answers that are being written: for pages that open late, and for whoever must end them.

In Redis where there is one, so that every process can read it; otherwise in this process. A piece is appended before it
goes out, in the same round trip: so the buffer never lacks what a page has seen.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import ResponseError

from core.live.layers import LayerMessage, RedisLayer, live_layer

KEEP_SECONDS = 3600  # after that a page that opens late gets what the row has, which is a second old at most


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of an answer on its way out."""

    answer_id: int
    content: str
    offset: int  # characters before it
    size: int  # bytes of the answer with it: Redis counts in bytes
    feed: str
    message: LayerMessage
    whole: Callable[[], str]  # the answer with it


class ReplyBuffer(Protocol):
    async def send(self, pieces: Sequence[Said]) -> set[int]:
        """Append and publish these pieces; returns the answers among them that were closed, and so took nothing."""
        ...

    async def read(self, answer_id: int) -> str | None:
        """The text so far; None when this answer isn't being written, or the buffer was lost."""
        ...

    async def close(self, answer_id: int) -> None:
        """The answer is over: refuse what its writer may still append."""
        ...


class MemoryBuffer:
    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}

    async def send(self, pieces: Sequence[Said]) -> set[int]:
        closed: set[int] = set()
        for piece in pieces:
            if piece.offset == 0:
                self._texts[piece.answer_id] = []
            text = self._texts.get(piece.answer_id)
            if text is None:
                closed.add(piece.answer_id)
                continue
            text.append(piece.content)
            await live_layer().group_send(piece.feed, piece.message)
        return closed

    async def read(self, answer_id: int) -> str | None:
        text = self._texts.get(answer_id)
        return None if text is None else "".join(text)

    async def close(self, answer_id: int) -> None:
        self._texts.pop(answer_id, None)


class RedisBuffer:
    def __init__(self, layer: RedisLayer) -> None:
        self._layer = layer

    async def send(self, pieces: Sequence[Said]) -> set[int]:
        async with self._layer.connection().pipeline(transaction=False) as pipe:
            for piece in pieces:
                pipe.append(_key(piece.answer_id), piece.content)
                self._layer.pipe_group_send(pipe, piece.feed, piece.message)
            sizes = (await pipe.execute(raise_on_error=False))[::2]
            closed: set[int] = set()
            for piece, size in zip(pieces, sizes, strict=True):
                if isinstance(size, ResponseError):
                    closed.add(piece.answer_id)
                elif piece.offset == 0 or size != piece.size:
                    # Its start, or Redis came back empty, or a piece arrived twice: then say the whole text.
                    pipe.set(_key(piece.answer_id), piece.whole(), ex=KEEP_SECONDS)
            if len(pipe):
                await pipe.execute()
        return closed

    async def read(self, answer_id: int) -> str | None:
        try:
            text = await self._layer.connection().get(_key(answer_id))
        except ResponseError:
            return None  # closed
        return text.decode() if isinstance(text, bytes) else text

    async def close(self, answer_id: int) -> None:
        async with self._layer.connection().pipeline(transaction=True) as pipe:
            pipe.delete(_key(answer_id))
            # A list in its place: Redis itself then refuses to append.
            pipe.rpush(_key(answer_id), "closed")
            pipe.expire(_key(answer_id), KEEP_SECONDS)
            await pipe.execute()


def _key(answer_id: int) -> str:
    return f"sandbox:reply:{answer_id}"


@functools.cache
def _memory_buffer() -> MemoryBuffer:
    return MemoryBuffer()


def reply_buffer() -> ReplyBuffer:
    layer = live_layer()
    return RedisBuffer(layer) if isinstance(layer, RedisLayer) else _memory_buffer()
