"""The buffer in Redis when the writer is late, or when Redis has come back empty."""

import asyncio
from typing import Any

from django.test import SimpleTestCase, override_settings

from assistants.services.reply_buffer import BufferedChunk, RedisBuffer
from live.hub import BUNDLES
from live.layers import RedisLayer
from test_utils.servers import redis_server


def chunk(answer_id: int, content: str, *, after: str = "") -> BufferedChunk:
    message = {"type": "live.text", "group": f"conversation.{answer_id}", "frame": content}
    full_text = after + content
    return BufferedChunk(
        answer_id, content, len(after), len(full_text.encode()), message["group"], message, lambda: full_text
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

    async def test_what_was_sealed_takes_nothing_more_and_nothing_more_of_it_is_told(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two "), chunk(2, "Rice ")])
        assert await self.received() == ["Two ", "Rice "]

        assert await buffer.seal(1) == "Two "
        closed = await buffer.send([chunk(1, "cups.", after="Two "), chunk(2, "is good.", after="Rice ")])

        assert closed == {1}
        assert await self.received() == ["is good."]
        assert await buffer.seal(1) == "Two "
        assert await buffer.read(2) == "Rice is good."

    async def test_what_was_closed_takes_nothing_more(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two ")])

        await buffer.close([1])

        assert await buffer.send([chunk(1, "cups.", after="Two ")]) == {1}
        assert await buffer.read(1) is None

    async def test_an_answer_of_which_nothing_was_written_can_be_sealed(self) -> None:
        buffer = await self.open()

        assert await buffer.seal(1) == ""
        assert await buffer.send([chunk(1, "Two ")]) == {1}

    async def test_a_redis_that_came_back_empty_gets_the_whole_text(self) -> None:
        buffer = await self.open()
        await buffer.send([chunk(1, "Two ")])
        await self.layer.connection().flushall()

        await buffer.send([chunk(1, "cüps.", after="Two ")])

        assert await buffer.read(1) == "Two cüps."
