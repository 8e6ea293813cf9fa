"""Hints are limited in rate, and the last hint is always sent."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Self
from unittest import mock

from chanx.messages.base import BaseMessage
from django.test import TransactionTestCase

from live import hints
from live.hub import current_hub
from live.layers import LayerMessage
from live.text_chunk import TextChunk


class CountMessage(BaseMessage):
    action: Literal["count"] = "count"
    payload: int


class Listener:
    """A subscriber of the hub that receives only hints."""

    seq = 0

    def __init__(self, last: str) -> None:
        self.received: list[str] = []
        self.received_last = asyncio.Event()
        self._last = last

    def on_hint(self, frame: str) -> None:
        self.received.append(frame)
        if frame == self._last:
            self.received_last.set()

    def on_event(self, event: Any, *, from_log: bool = False) -> bool:
        return True

    def on_chunk(self, chunk: TextChunk, *, from_log: bool = False) -> bool:
        return True

    def on_channel_event(self, message: LayerMessage) -> None: ...

    def on_reauthorize(self) -> None: ...

    def on_failure(self) -> None: ...

    def resync(self, head: int) -> None: ...

    def stored_texts(self, text_ids: Any) -> list[TextChunk]:
        return []

    async def running_text(self, text_id: int) -> TextChunk | None:
        return None

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Sequence[Self]:
        return consumers


@mock.patch.object(hints, "INTERVAL", 0.05)
class HintTests(TransactionTestCase):
    async def listen(self, last: str) -> Listener:
        listener = Listener(last)
        feed = await current_hub().join("a.group", listener, 0)
        feed.add(listener)
        return listener

    async def test_a_burst_about_one_thing_becomes_its_first_and_its_last_hint(self) -> None:
        listener = await self.listen('{"action":"count","payload":99}')

        for number in range(100):
            hints.send("a.group", "one thing", CountMessage(payload=number))
        await asyncio.wait_for(listener.received_last.wait(), 5)

        assert listener.received == ['{"action":"count","payload":0}', '{"action":"count","payload":99}']

    async def test_things_do_not_wait_for_each_other(self) -> None:
        listener = await self.listen('{"action":"count","payload":1}')

        hints.send("a.group", "one thing", CountMessage(payload=0))
        hints.send("a.group", "another", CountMessage(payload=1))
        await asyncio.wait_for(listener.received_last.wait(), 5)

        assert len(listener.received) == 2

    async def test_after_a_rest_the_next_one_goes_at_once(self) -> None:
        first = await self.listen('{"action":"count","payload":0}')
        hints.send("a.group", "one thing", CountMessage(payload=0))
        await asyncio.wait_for(first.received_last.wait(), 5)
        await asyncio.sleep(0.06)  # the interval in which hints are held back
        second = await self.listen('{"action":"count","payload":1}')

        with mock.patch.object(hints, "INTERVAL", 60):
            hints.send("a.group", "one thing", CountMessage(payload=1))
            await asyncio.wait_for(second.received_last.wait(), 5)
