"""An error in one message, socket or object doesn't block other messages, sockets and objects."""

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
from live.text_chunk import TextChunk

COUNT = '{"action":"count","payload":1}'


class OtherListener(Listener):
    """A socket whose class can't check permissions."""

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


class FailingListener(Listener):
    """A socket that raises an unexpected error for everything it handles."""

    def __init__(self) -> None:
        super().__init__(COUNT)
        self.failures = 0

    def on_hint(self, frame: str) -> None:
        raise ValueError("no hint")

    def on_event(self, event: Any, *, from_log: bool = False) -> bool:
        raise ValueError("no event")

    def on_chunk(self, chunk: TextChunk, *, from_log: bool = False) -> bool:
        raise ValueError("no chunk")

    def on_reauthorize(self) -> None:
        raise ValueError("no authenticator")

    def on_failure(self) -> None:
        self.failures += 1


class RecordingListener(Listener):
    """A socket that records what it handles."""

    def __init__(self) -> None:
        super().__init__(COUNT)
        self.handled: list[str] = []

    def on_hint(self, frame: str) -> None:
        self.handled.append("hint")

    def on_event(self, event: Any, *, from_log: bool = False) -> bool:
        self.handled.append("event")
        return True

    def on_chunk(self, chunk: TextChunk, *, from_log: bool = False) -> bool:
        self.handled.append("chunk")
        return True

    def on_reauthorize(self) -> None:
        self.handled.append("reauthorize")


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

    async def test_a_socket_that_fails_is_closed_and_the_others_of_its_feed_get_everything(self) -> None:
        one, failing, other = RecordingListener(), FailingListener(), RecordingListener()
        sockets: list[Listener] = [one, failing, other]
        for socket in sockets:
            await self.join(socket)
        feed = current_hub()._feeds["a.group"]
        feed.subscribers = dict.fromkeys(sockets)  # type: ignore[assignment]  # the failing one in the middle

        for message in (
            {"type": "live.fact", "seq": 1, "frame": COUNT, "text_id": None, "text_length": None},
            {"type": "live.text", "text_id": 7, "after": 1, "offset": 0, "length": 1, "frame": COUNT},
            {"type": "live.hint", "frame": COUNT},
            {"type": "live.recheck"},
        ):
            current_hub()._dispatch({"group": "a.group", **message})

        assert one.handled == other.handled == ["event", "chunk", "hint", "reauthorize"]
        assert failing.failures == 4

    async def test_a_hint_that_fails_does_not_silence_its_thing(self) -> None:
        listener = await self.join(Listener(COUNT))
        with mock.patch.object(hints, "INTERVAL", 0.01):
            with mock.patch.object(hints, "encode", side_effect=ValueError("no frame")):
                hints.send("a.group", "one thing", CountMessage(payload=0))
                await asyncio.sleep(0.05)  # the interval in which hints are held back
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
