"""Text streams, tested with an owner other than the assistant."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from unittest import mock

import pytest
from channels.routing import URLRouter
from chanx.channels.routing import path
from chanx.core.decorators import channel
from django.db import DataError, OperationalError
from rest_framework.permissions import AllowAny
from structlog.testing import capture_logs

import live
from core.asgi import Lifespan, WebSocketOriginMiddleware
from live import text_stream
from live.authenticator import LiveAuthenticator
from live.consumer import LiveConsumer
from live.messages import TextChunkMessage
from live.text_buffer import BufferedChunk, TextBuffer, text_buffer
from live.text_chunk import LatestStream, TextChunk
from live.text_stream import TextStream, current_flusher
from test_utils.testing import Page, SocketTestCase

TIMEOUT = 10.0  # seconds
FEED = "texts.newest"
IDS = count(1)


class OpenAuthenticator(LiveAuthenticator):
    permission_classes = [AllowAny]


@channel(name="texts", description="Texts as they are written", tags=["tests"])
class TextConsumer(LiveConsumer):
    authenticator_class = OpenAuthenticator
    emits = [TextChunkMessage]
    running: int | None = None  # the id of the running text that clients join late

    def feed(self) -> str:
        return FEED

    def latest_stream(self) -> LatestStream | None:
        return LatestStream(self.running, is_running=True) if self.running is not None else None

    async def running_text(self, text_id: int) -> TextChunk | None:
        text = live.stream(FEED, text_id, after=0)
        return text.whole(await text.so_far())


class Owner:
    """Stores texts at each checkpoint, and can report texts as lost or stopped."""

    def __init__(self) -> None:
        self.stored: dict[int, str] = {}
        self.lost: set[int] = set()
        self.stopped: set[int] = set()
        self.error: Exception | None = None
        self.bad_id: int | None = None
        self.has_stored = asyncio.Event()

    async def checkpoint(self, texts: Sequence[TextStream]) -> Mapping[int, bool]:
        if self.error is not None and self.bad_id in [None, *(text.text_id for text in texts)]:
            raise self.error
        self.stored |= {text.text_id: text.text() for text in texts}
        self.has_stored.set()
        return {text.text_id: text.text_id in self.stopped for text in texts if text.text_id not in self.lost}

    async def until_stored(self) -> None:
        self.has_stored.clear()
        async with asyncio.timeout(TIMEOUT):
            await self.has_stored.wait()


class TextStreamTests(SocketTestCase):
    consumer = TextConsumer
    router = WebSocketOriginMiddleware(URLRouter([path("texts/", TextConsumer.as_asgi())]), Lifespan(periodic=()))

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(text_stream, "CHECKPOINT_INTERVAL", 0.02))
        self.enterContext(mock.patch.object(text_stream, "LAYER_RETRY_DELAY", 0.02))
        self.enterContext(mock.patch.object(TextConsumer, "running", None))

    async def open(self) -> Page:
        return await self.open_page("/texts/")

    async def text_of(self, page: Page, length: int) -> str:
        text = ""
        while len(text) < length:
            frame = await page.receive()
            assert (frame["action"], frame["payload"]["offset"]) == ("text_chunk", len(text))
            text += frame["payload"]["content"]
        return text

    @asynccontextmanager
    async def written(self, owner: Owner, text_id: int) -> AsyncIterator[TextStream]:
        async with live.stream(FEED, text_id, after=0, checkpoint=owner.checkpoint) as text:
            yield text

    async def until_buffered(self, text: TextStream) -> None:
        async with asyncio.timeout(TIMEOUT):
            while await text.so_far() != text.text():  # noqa: ASYNC110  # the buffer has no event to wait for
                await asyncio.sleep(0.01)

    async def endless(self, owner: Owner, text_id: int) -> TextStream:
        """Writes until another task or process ends the text."""
        async with asyncio.timeout(TIMEOUT):
            async with live.stream(FEED, text_id, after=0, checkpoint=owner.checkpoint) as text:
                text.append("Two ")
                await asyncio.Event().wait()
        return text

    async def test_nothing_can_be_appended_outside_of_the_block(self) -> None:
        text = live.stream(FEED, next(IDS), after=0)
        with pytest.raises(RuntimeError, match="not open"):
            text.append("early")

        async with text:
            text.append("Two cups.")

        with pytest.raises(RuntimeError, match="not open"):
            text.append("late")
        assert text.text() == "Two cups."

    async def test_clients_receive_the_text_as_it_is_appended(self) -> None:
        page = await self.open()
        async with live.stream(FEED, next(IDS), after=0) as text:
            text.append("Two ")
            assert await self.text_of(page, 4) == "Two "
            text.append("cups")
            text.append(" 🍚.")

        frame = await page.receive()
        assert frame["payload"] == {"textId": text.text_id, "offset": 4, "content": "cups 🍚."}

    async def test_client_that_joins_late_receives_the_text_from_its_start(self) -> None:
        async with live.stream(FEED, next(IDS), after=0) as text:
            text.append("Two ")
            text.append("cups")
            await self.until_buffered(text)
            with mock.patch.object(TextConsumer, "running", text.text_id):
                late = await self.open()
                assert await self.text_of(late, 8) == "Two cups"
            text.append(".")
            frame = await late.receive()

        assert (frame["payload"]["offset"], frame["payload"]["content"]) == (8, ".")

    async def test_all_of_the_text_is_sent_when_the_block_ends(self) -> None:
        async with live.stream(FEED, next(IDS), after=0) as text:
            for word in ("Two ", "cups ", "of ", "water."):
                text.append(word)

        assert await text.so_far() == "Two cups of water."

    async def test_a_closed_text_is_gone_from_the_buffer(self) -> None:
        async with live.stream(FEED, next(IDS), after=0) as text:
            text.append("Two cups.")
        assert await text.so_far() == "Two cups."

        await text.close()

        assert await text.so_far() == ""

    async def test_texts_of_two_feeds_may_have_the_same_id(self) -> None:
        text_id = next(IDS)
        async with live.stream("texts.a", text_id, after=0) as a, live.stream("texts.b", text_id, after=0) as b:
            a.append("A")
            b.append("B")

        assert [await a.so_far(), await b.so_far()] == ["A", "B"]

    async def test_a_flush_that_fails_keeps_its_text(self) -> None:
        page = await self.open()
        kind = type(text_buffer())
        send, failures = kind.send, count(1)

        async def fail_twice(buffer: TextBuffer, chunks: Sequence[BufferedChunk]) -> set[str]:
            if next(failures) <= 2:
                raise ConnectionRefusedError
            return await send(buffer, chunks)

        with mock.patch.object(kind, "send", fail_twice):
            async with live.stream(FEED, next(IDS), after=0) as text:
                text.append("Two ")
                await asyncio.sleep(0)
                text.append("cups.")
                received = await self.text_of(page, 9)

        assert received == await text.so_far() == "Two cups."

    async def test_a_text_is_stored_while_nothing_is_appended(self) -> None:
        owner = Owner()
        async with self.written(owner, next(IDS)) as text:
            text.append("Two ")
            await owner.until_stored()
            await owner.until_stored()

        assert owner.stored == {text.text_id: "Two "}

    async def test_a_text_whose_lease_is_lost_ends(self) -> None:
        owner, text_id = Owner(), next(IDS)
        owner.lost.add(text_id)

        text = await self.endless(owner, text_id)

        assert (text.is_superseded, text.is_stopped, text.is_failed) == (True, False, False)

    async def test_a_text_that_a_user_has_stopped_ends_with_its_text(self) -> None:
        owner, text_id = Owner(), next(IDS)
        owner.stopped.add(text_id)

        text = await self.endless(owner, text_id)

        assert (text.is_superseded, text.is_stopped, text.is_failed) == (False, True, False)
        assert await text.so_far() == "Two "

    async def test_a_text_that_another_process_has_closed_ends_with_its_next_chunk(self) -> None:
        text_id = next(IDS)
        async with asyncio.timeout(TIMEOUT), live.stream(FEED, text_id, after=0) as text:
            text.append("Two ")
            await self.until_buffered(text)
            await text.close()
            text.append("cups.")
            await asyncio.Event().wait()

        assert text.is_superseded

    async def test_a_text_that_cannot_be_stored_ends_and_no_other(self) -> None:
        owner, bad_id, good_id = Owner(), next(IDS), next(IDS)
        owner.error, owner.bad_id = DataError("invalid byte sequence"), bad_id
        async with self.written(owner, good_id) as good:
            good.append("One ")

            bad = await self.endless(owner, bad_id)
            await owner.until_stored()

        assert (bad.is_failed, good.is_failed) == (True, False)
        assert owner.stored == {good_id: "One "}

    async def test_no_text_ends_while_the_database_is_down(self) -> None:
        owner = Owner()
        owner.error = OperationalError("the connection is closed")
        with capture_logs() as logs:
            async with asyncio.timeout(TIMEOUT), self.written(owner, next(IDS)) as text:
                text.append("Two ")
                while not logs:  # noqa: ASYNC110  # a log has no event to wait for
                    await asyncio.sleep(0.01)
                owner.error = None
                await owner.until_stored()

        assert (text.is_failed, text.is_superseded) == (False, False)
        assert logs[0]["event"] == "checkpoint_failed"
        assert "connection is closed" in logs[0]["reason"]

    async def test_a_cancellation_from_elsewhere_goes_on_when_the_text_was_sent(self) -> None:
        owner, text_id = Owner(), next(IDS)
        task = asyncio.create_task(self.endless(owner, text_id))
        await owner.until_stored()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert await live.stream(FEED, text_id, after=0).so_far() == "Two "

    async def test_a_cancellation_that_meets_a_stop_goes_on(self) -> None:
        async def write() -> None:
            async with text:
                await asyncio.Event().wait()

        text = live.stream(FEED, next(IDS), after=0)
        task = asyncio.create_task(write())
        await asyncio.sleep(0)  # starts the task

        text.stop()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task

    async def append_and_fail(self, text: TextStream, *, when_stopped: bool = False) -> None:
        async with text:
            text.append("Two ")
            if when_stopped:
                text.stop()
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
            raise ZeroDivisionError

    async def test_an_error_of_the_writer_goes_on_when_the_text_was_sent(self) -> None:
        for when_stopped in (False, True):
            with self.subTest(when_stopped=when_stopped):
                text = live.stream(FEED, next(IDS), after=0)

                with pytest.raises(ZeroDivisionError):
                    await self.append_and_fail(text, when_stopped=when_stopped)

                assert await text.so_far() == "Two "

    async def test_an_ended_text_is_not_checkpointed_any_more(self) -> None:
        owner = Owner()
        async with self.written(owner, next(IDS)) as text:
            text.append("Two ")

        assert text.key not in current_flusher()._streams
