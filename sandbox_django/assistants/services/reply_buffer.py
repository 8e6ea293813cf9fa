"""The text of answers that are being written: for pages that open late, and for whoever must end them.

In Redis where there is one, so that every process can read it; otherwise in this process. A piece is appended before it
goes out, in the same round trip: so the buffer never lacks what a page has seen.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import ResponseError

from live.hub import BUNDLES, bundle
from live.layers import LayerMessage, RedisLayer, live_layer

KEEP_SECONDS = 3600  # after that a page that opens late gets what the row has, which is a second old at most


@dataclass(frozen=True, slots=True)
class BufferedChunk:
    """One piece of an answer on its way out."""

    answer_id: int
    content: str
    offset: int  # characters before it
    size: int  # bytes of the answer with it: Redis counts in bytes
    feed: str
    message: LayerMessage
    full_text: Callable[[], str]  # the answer with it


class ReplyBuffer(Protocol):
    async def send(self, chunks: Sequence[BufferedChunk]) -> set[int]:
        """Append and publish these pieces; returns the answers among them that were closed, and so took nothing."""
        ...

    async def read(self, answer_id: int) -> str | None:
        """The text so far; None when this answer isn't being written, or the buffer was lost."""
        ...

    async def seal(self, answer_id: int) -> str | None:
        """Refuse what its writer may still append; returns the text, as often as it is asked for until `close`."""
        ...

    async def close(self, answer_ids: Sequence[int]) -> None:
        """These answers are over: forget their texts, and refuse what their writers may still append."""
        ...


class MemoryBuffer:
    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        self._lengths: dict[int, int] = {}

    async def send(self, chunks: Sequence[BufferedChunk]) -> set[int]:
        closed: set[int] = set()
        for chunk in chunks:
            if chunk.offset == 0:
                self._texts[chunk.answer_id], self._lengths[chunk.answer_id] = [], 0
            text = self._texts.get(chunk.answer_id)
            if text is None:
                closed.add(chunk.answer_id)
                continue
            if self._lengths[chunk.answer_id] == chunk.offset:  # otherwise it is sent again after an error
                text.append(chunk.content)
                self._lengths[chunk.answer_id] += len(chunk.content)
            await live_layer().group_send(chunk.feed, chunk.message)
        return closed

    async def read(self, answer_id: int) -> str | None:
        text = self._texts.get(answer_id)
        return None if text is None else "".join(text)

    async def seal(self, answer_id: int) -> str | None:
        # Its writer was in this process, or in an earlier one: nobody appends any more.
        return await self.read(answer_id)

    async def close(self, answer_ids: Sequence[int]) -> None:
        for answer_id in answer_ids:
            self._texts.pop(answer_id, None)
            self._lengths.pop(answer_id, None)


# Appends each piece to its answer, then publishes all of them, unless one of the answers is closed. Returns how many
# bytes each answer has now; -1 for a closed one. Redis would answer a command for each with a line for each.
SEND = """
local sizes, closed = {}, false
for i, key in ipairs(KEYS) do
  local piece = ARGV[i + 3]
  local size = redis.pcall('APPEND', key, piece)
  if type(size) == 'table' then
    if not string.find(size.err, 'WRONGTYPE') then return size end
    size, closed = -1, true
  elseif size == #piece then
    redis.call('EXPIRE', key, ARGV[3])
  end
  sizes[i] = size
end
if not closed then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return sizes
"""

# Puts a list in place of the text, with the text in it: Redis itself then refuses to append.
SEAL = """
local text = redis.pcall('GET', KEYS[1])
if type(text) ~= 'table' then
  redis.call('DEL', KEYS[1])
  redis.call('RPUSH', KEYS[1], text or '')
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return redis.call('LINDEX', KEYS[1], 0)
"""
# The same for any number of answers, without their texts.
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

    async def send(self, chunks: Sequence[BufferedChunk]) -> set[int]:
        redis = self._layer.connection()
        keys = [_key(chunk.answer_id) for chunk in chunks]
        sizes = await redis.register_script(SEND)(
            keys, [*self._publish_args(chunks), KEEP_SECONDS, *(chunk.content for chunk in chunks)]
        )
        closed: set[int] = set()
        for chunk, size in zip(chunks, sizes, strict=True):
            if size == -1:
                closed.add(chunk.answer_id)
            elif size != chunk.size:
                # Redis came back empty, or a piece arrived twice: then say the whole text.
                await redis.set(_key(chunk.answer_id), chunk.full_text(), ex=KEEP_SECONDS)
        if closed and (accepted := [chunk for chunk in chunks if chunk.answer_id not in closed]):
            await redis.publish(*self._publish_args(accepted))
        return closed

    def _publish_args(self, chunks: Sequence[BufferedChunk]) -> tuple[str, bytes]:
        return self._layer.publish_args(BUNDLES, bundle([chunk.message for chunk in chunks]))

    async def read(self, answer_id: int) -> str | None:
        try:
            text = await self._layer.connection().get(_key(answer_id))
        except ResponseError:
            return None  # closed
        return text.decode() if isinstance(text, bytes) else text

    async def seal(self, answer_id: int) -> str | None:
        text = await self._layer.connection().register_script(SEAL)([_key(answer_id)], [KEEP_SECONDS])
        return text.decode() if isinstance(text, bytes) else text

    async def close(self, answer_ids: Sequence[int]) -> None:
        keys = [_key(answer_id) for answer_id in answer_ids]
        await self._layer.connection().register_script(CLOSE)(keys, [KEEP_SECONDS])


def _key(answer_id: int) -> str:
    return f"sandbox:reply:{answer_id}"


@functools.cache
def _memory_buffer() -> MemoryBuffer:
    return MemoryBuffer()


def reply_buffer() -> ReplyBuffer:
    layer = live_layer()
    return RedisBuffer(layer) if isinstance(layer, RedisLayer) else _memory_buffer()
