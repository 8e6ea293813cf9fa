"""A message, socket or object that fails doesn't block the others."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self
from unittest import mock

from django.test import TransactionTestCase

from live import hints
from live.hub import BUNDLES, bundle, current_hub
from live.layers import live_layer
from live.send_queue import SendQueue
from live.tests.test_hints import CountMessage, Listener

COUNT = '{"action":"count","payload":1}'


class OtherListener(Listener):
    """A socket of a kind whose permissions can't be read."""

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Sequence[Self]:
        raise ValueError("no rights")


class ForbiddenListener(Listener):
    """A socket that is no longer allowed to listen."""

    def __init__(self) -> None:
        super().__init__(COUNT)
        self.is_reauthorized = False

    def on_reauthorize(self) -> None:
        self.is_reauthorized = True

    @classmethod
    def still_allowed(cls, consumers: Sequence[Self]) -> Sequence[Self]:
        return []


class OneBadItemTests(TransactionTestCase):
    async def join(self, listener: Listener, group: str = "a.group") -> Listener:
        feed = await current_hub().join(group, listener, 0)
        feed.add(listener)
        return listener

    async def test_a_bad_message_keeps_the_rest_of_its_bundle(self) -> None:
        listener = await self.join(Listener(COUNT))

        good = {"type": "live.hint", "group": "a.group", "frame": COUNT, "after": 0}
        await live_layer().group_send(BUNDLES, bundle([{}, {"group": "a.group", "type": "live.fact"}, good]))
        await asyncio.wait_for(listener.received_last.wait(), 5)

        assert listener.received == [COUNT]

    async def test_a_hint_that_fails_does_not_silence_its_thing(self) -> None:
        listener = await self.join(Listener(COUNT))
        with mock.patch.object(hints, "INTERVAL", 0.01):
            with mock.patch.object(hints, "encode", side_effect=ValueError("no frame")):
                hints.send("a.group", "one thing", CountMessage(payload=0))
                await asyncio.sleep(0.05)  # the pause itself is tested
            hints.send("a.group", "one thing", CountMessage(payload=1))
            await asyncio.wait_for(listener.received_last.wait(), 5)

        assert listener.received == [COUNT]

    async def test_rights_of_other_sockets_are_checked_though_those_of_one_kind_fail(self) -> None:
        await self.join(OtherListener(COUNT))
        forbidden = ForbiddenListener()
        await self.join(forbidden, "another.group")

        await current_hub()._check_everything()

        assert forbidden.is_reauthorized

    async def test_a_client_whose_send_fails_in_a_new_way_is_disconnected(self) -> None:
        given_up = asyncio.Event()
        go_on = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            await go_on.wait()
            raise AttributeError("no connection")

        async def give_up() -> None:
            given_up.set()

        queue = SendQueue(send, give_up)
        for _ in range(3):
            queue.put(COUNT)
        go_on.set()

        await asyncio.wait_for(given_up.wait(), 5)
        assert SendQueue.bytes_total == 0
