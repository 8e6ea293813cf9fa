"""Buffers running texts, for clients that join late, and for ending a text whose writer is gone.

With a Redis channel layer, the buffer is in Redis, so that every process can read it. Otherwise, it is in this process.
A chunk is appended before it is published, in the same round trip. So the buffer contains all that clients have
received.
"""

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import ResponseError

from live.hub import BUNDLES, bundle
from live.layers import LAYER_DOWN, LayerMessage, RedisLayer, live_layer

KEEP_SECONDS = 3600  # after the first chunk; the next chunk after that stores the whole text again


@dataclass(frozen=True, slots=True)
class BufferedChunk:
    """A chunk to append to the buffer and to publish."""

    key: str  # the key of its text in the buffer
    content: str
    offset: int  # characters of the text before this chunk
    size: int  # bytes of the text up to the end of this chunk, since Redis counts bytes
    feed: str
    message: LayerMessage
    full_text: Callable[[], str]  # returns the text up to the end of this chunk


class TextBuffer(Protocol):
    async def send(self, chunks: Sequence[BufferedChunk]) -> set[str]:
        """Appends and publishes chunks, except those of closed texts; returns the keys of these texts."""
        ...

    async def read(self, key: str) -> str | None:
        """Returns the text so far; None if the text isn't running or the buffer was lost."""
        ...

    async def seal(self, key: str) -> str | None:
        """Makes the buffer reject further chunks of this text; returns the text, also if it is sealed already."""
        ...

    async def close(self, keys: Sequence[str]) -> None:
        """Deletes texts that have ended, and makes the buffer reject further chunks of them."""
        ...


class MemoryBuffer:
    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lengths: dict[str, int] = {}

    async def send(self, chunks: Sequence[BufferedChunk]) -> set[str]:
        closed: set[str] = set()
        for chunk in chunks:
            if chunk.offset == 0:
                self._texts[chunk.key], self._lengths[chunk.key] = [], 0
            text = self._texts.get(chunk.key)
            if text is None:
                closed.add(chunk.key)
                continue
            if self._lengths[chunk.key] == chunk.offset:  # otherwise this is a retry after an error
                text.append(chunk.content)
                self._lengths[chunk.key] += len(chunk.content)
            await live_layer().group_send(chunk.feed, chunk.message)
        return closed

    async def read(self, key: str) -> str | None:
        text = self._texts.get(key)
        return None if text is None else "".join(text)

    async def seal(self, key: str) -> str | None:
        # Only one process uses this buffer, and the text's writer is gone, so no further chunks need to be rejected.
        return await self.read(key)

    async def close(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._texts.pop(key, None)
            self._lengths.pop(key, None)


# Appends each chunk to its text, then publishes the bundle of all chunks, unless one of the texts is closed. Returns
# the size of each text in bytes, or -1 for a closed text. A script has one reply, separate commands have one each.
SEND = """
local sizes, closed = {}, false
for i, key in ipairs(KEYS) do
  local chunk = ARGV[i + 3]
  local size = redis.pcall('APPEND', key, chunk)
  if type(size) == 'table' then
    if not string.find(size.err, 'WRONGTYPE') then return size end
    size, closed = -1, true
  elseif size == #chunk then
    redis.call('EXPIRE', key, ARGV[3])
  end
  sizes[i] = size
end
if not closed then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return sizes
"""

# Replaces the text by a list that contains the text, because APPEND to a list fails.
SEAL = """
local text = redis.pcall('GET', KEYS[1])
if type(text) ~= 'table' then
  redis.call('DEL', KEYS[1])
  redis.call('RPUSH', KEYS[1], text or '')
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return redis.call('LINDEX', KEYS[1], 0)
"""
# Replaces each text by a list with an empty string, so that APPEND fails.
CLOSE = """
for _, key in ipairs(KEYS) do
  redis.call('DEL', key)
  redis.call('RPUSH', key, '')
  redis.call('EXPIRE', key, ARGV[1])
end
"""


class RedisBuffer:
    def __init__(self, layer: RedisLayer) -> None:
        self._layer = layer

    async def send(self, chunks: Sequence[BufferedChunk]) -> set[str]:
        redis = self._layer.connection()
        keys = [chunk.key for chunk in chunks]
        sizes = await redis.register_script(SEND)(
            keys, [*self._publish_args(chunks), KEEP_SECONDS, *(chunk.content for chunk in chunks)]
        )
        closed: set[str] = set()
        for chunk, size in zip(chunks, sizes, strict=True):
            if size == -1:
                closed.add(chunk.key)
            elif size != chunk.size:
                # Redis has lost the text, or a chunk was appended twice, so store the whole text.
                await redis.set(chunk.key, chunk.full_text(), ex=KEEP_SECONDS)
        if closed and (accepted := [chunk for chunk in chunks if chunk.key not in closed]):
            await redis.publish(*self._publish_args(accepted))
        return closed

    def _publish_args(self, chunks: Sequence[BufferedChunk]) -> tuple[str, bytes]:
        return self._layer.publish_args(BUNDLES, bundle([chunk.message for chunk in chunks]))

    async def read(self, key: str) -> str | None:
        try:
            text = await self._layer.connection().get(key)
        except ResponseError:
            return None  # the text is sealed or closed
        return text.decode() if isinstance(text, bytes) else text

    async def seal(self, key: str) -> str | None:
        text = await self._layer.connection().register_script(SEAL)([key], [KEEP_SECONDS])
        return text.decode() if isinstance(text, bytes) else text

    async def close(self, keys: Sequence[str]) -> None:
        await self._layer.connection().register_script(CLOSE)(keys, [KEEP_SECONDS])


@functools.cache
def _memory_buffer() -> MemoryBuffer:
    return MemoryBuffer()


def text_buffer() -> TextBuffer:
    """Returns the buffer that belongs to the channel layer."""
    layer = live_layer()
    return RedisBuffer(layer) if isinstance(layer, RedisLayer) else _memory_buffer()


async def buffered_text(key: str) -> str:
    """Returns the buffered text; empty if the buffer doesn't have it or can't be reached."""
    return await _call(text_buffer().read, key)


async def sealed_text(key: str) -> str:
    """Returns the buffered text, and makes the buffer reject further chunks of it."""
    return await _call(text_buffer().seal, key)


async def close_texts(keys: Sequence[str]) -> None:
    """Deletes texts that have ended and are stored, and makes the buffer reject late chunks of them."""
    try:
        await text_buffer().close(keys)
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)


async def _call(method: Callable[[str], Awaitable[str | None]], key: str) -> str:
    try:
        return await method(key) or ""
    except LAYER_DOWN as failure:
        live_layer().outage.failed(failure)
        return ""
