"""The Redis buffer when a chunk arrives after the text was closed, and when Redis has lost its data."""

import asyncio
from typing import Any

from django.test import SimpleTestCase, override_settings

from live.hub import BUNDLES
from live.layers import RedisLayer
from live.text_buffer import BufferedChunk, RedisBuffer
from test_utils.servers import redis_server


def chunk(number: int, content: str, *, after: str = "") -> BufferedChunk:
    message = {"type": "live.text", "group": f"texts.{number}", "frame": content}
    full_text = after + content
    return BufferedChunk(
        f"text {number}", content, len(after), len(full_text.encode()), message["group"], message, lambda: full_text
    )


class RedisBufferTests(SimpleTestCase):
    def setUp(self) -> None:
        url = self.enterContext(redis_server())
        self.enterContext(override_settings(REDIS_URL=url))
        self.url = url

    async def open(self) -> RedisBuffer:
        self.layer = RedisLayer(hosts=[self.url])
        self.channel = await self.layer.new_channel()
        await self.layer.group_add(BUNDLES, self.channel)
        return RedisBuffer(self.layer)

    async def received(self) -> list[str]:
        async with asyncio.timeout(5):
            message: dict[str, Any] = await self.layer.receive(self.channel)
        return [entry["frame"] for entry in message["data"]]

    async def test_a_sealed_buffer_rejects_and_publishes_nothing_more(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two "), chunk(2, "Rice ")])
        assert await self.received() == ["Two ", "Rice "]

        assert await buffer.seal("text 1") == "Two "
        closed = await buffer.send([chunk(1, "cups.", after="Two "), chunk(2, "is good.", after="Rice ")])

        assert closed == {"text 1"}
        assert await self.received() == ["is good."]
        assert await buffer.seal("text 1") == "Two "
        assert await buffer.read("text 2") == "Rice is good."

    async def test_a_closed_buffer_rejects_chunks(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two ")])

        await buffer.close(["text 1"])

        assert await buffer.send([chunk(1, "cups.", after="Two ")]) == {"text 1"}
        assert await buffer.read("text 1") is None

    async def test_a_text_of_which_nothing_was_written_can_be_sealed(self) -> None:
        buffer = await self.open()

        assert await buffer.seal("text 1") == ""
        assert await buffer.send([chunk(1, "Two ")]) == {"text 1"}

    async def test_a_redis_that_came_back_empty_gets_the_whole_text(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two ")])
        await self.layer.connection().flushall()

        await buffer.send([chunk(1, "cüps.", after="Two ")])

        assert await buffer.read("text 1") == "Two cüps."
