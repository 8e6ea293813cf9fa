"""An unexpected error ends only the answer in which it occurs, and the answer keeps its text."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.db import DataError
from django.utils import timezone

from assistants.factories import AnswerFactory, AssistantConversationFactory
from assistants.groups import reply_key
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services import ai_service, answer_writer, blocks
from assistants.services.answer_writer import end_abandoned_answers
from assistants.tests.test_conversation_consumer import ConversationSocketCase, text_of
from core.markdown import render_markdown
from live import text_stream
from live.text_buffer import BufferedChunk, TextBuffer, text_buffer
from live.text_stream import TextStream
from test_utils.openai_test_utils import Gate, scripted_model

TIMEOUT = 10.0  # seconds


class OneBadAnswerTests(ConversationSocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(text_stream, "CHECKPOINT_INTERVAL", 0.05))
        self.other: AssistantConversation = AssistantConversationFactory.create(user=self.alice)

    async def ask_other(self) -> None:
        url = f"/api/assistants/conversations/{self.other.pk}/messages/"
        assert (await self.request("POST", url, {"content": "And rice?"}, by=self.alice)).status_code == 201

    async def answer_to(self, conversation: AssistantConversation) -> tuple[str, str, str]:
        answer = await AssistantMessage.objects.answers().aget(conversation=conversation)
        return answer.status, answer.error, answer.content

    async def assert_only_one_fails(self, breaking: Callable[[int], AbstractContextManager[Any]]) -> None:
        page, other_page, gate = await self.open(), await self.open(self.other), Gate()
        with scripted_model("Two ", gate, "cups."):
            await self.ask()
            await self.ask_other()
            await page.receive_until("streaming")
            received = await other_page.receive_until("streaming")
            bad = await AssistantMessage.objects.answers().aget(conversation=self.conversation)
            with breaking(bad.pk):
                if breaking in (self.chunk_breaks, self.flush_breaks):
                    gate.open()
                await page.receive_until("assistant_error")
                gate.open()
                received += await other_page.receive_until("complete_streaming")

        status, error, content = await self.answer_to(self.conversation)
        assert (status, error) == ("failed", "internal_error")
        assert content.startswith("Two ")
        assert await self.answer_to(self.other) == ("complete", "", "Two cups.")
        assert text_of(received) == "Two cups."

    def chunk_breaks(self, bad_id: int) -> AbstractContextManager[Any]:
        make = TextStream.next_chunk

        def next_chunk(text: TextStream, end: int) -> BufferedChunk:
            if text.text_id == bad_id:
                raise ValueError("no chunk")
            return make(text, end)

        return mock.patch.object(TextStream, "next_chunk", next_chunk)

    def flush_breaks(self, bad_id: int) -> AbstractContextManager[Any]:
        kind = type(text_buffer())
        send = kind.send

        async def send_or_break(buffer: TextBuffer, chunks: Sequence[BufferedChunk]) -> set[str]:
            if others := [chunk for chunk in chunks if chunk.key != reply_key(bad_id)]:
                await send(buffer, others)
            if len(others) < len(chunks):
                raise ValueError("no flush")
            return set()

        return mock.patch.object(kind, "send", send_or_break)

    def checkpoint_breaks(self, bad_id: int, error: Exception | None = None) -> AbstractContextManager[Any]:
        store = answer_writer._store_checkpoint

        def store_or_break(texts: list[tuple[int, str]]) -> dict[int, bool]:
            if bad_id in dict(texts):
                raise error or ValueError("no checkpoint")
            return store(texts)

        return mock.patch.object(answer_writer, "_store_checkpoint", store_or_break)

    def checkpoint_is_refused(self, bad_id: int) -> AbstractContextManager[Any]:
        return self.checkpoint_breaks(bad_id, DataError("invalid byte sequence"))

    async def test_a_piece_that_cannot_be_made_ends_its_answer_only(self) -> None:
        await self.assert_only_one_fails(self.chunk_breaks)

    async def test_a_piece_that_cannot_be_sent_ends_its_answer_only(self) -> None:
        await self.assert_only_one_fails(self.flush_breaks)

    async def test_a_text_that_cannot_be_kept_ends_its_answer_only(self) -> None:
        await self.assert_only_one_fails(self.checkpoint_breaks)

    async def test_a_text_that_the_database_refuses_ends_its_answer_only(self) -> None:
        await self.assert_only_one_fails(self.checkpoint_is_refused)

    async def test_leases_are_renewed_whatever_fails_beside_that(self) -> None:
        page, gate = await self.open(), Gate()
        with (
            scripted_model("Two ", gate, "cups."),
            mock.patch.object(answer_writer, "_show_blocks", side_effect=ValueError),
        ):
            await self.ask()
            await page.receive_until("streaming")
            for _ in range(2):
                await self.until_renewed()
            gate.open()
            await page.receive_until("complete_streaming")

        assert await self.answer_to(self.conversation) == ("complete", "", "Two cups.")

    async def until_renewed(self) -> None:
        running = AssistantMessage.objects.answers()
        expires_at = (await running.aget()).lease_expires_at
        async with asyncio.timeout(TIMEOUT):
            while (await running.aget()).lease_expires_at == expires_at:  # noqa: ASYNC110  # a row has no event to wait for
                await asyncio.sleep(0.02)

    async def test_an_answer_that_cannot_begin_fails_at_once(self) -> None:
        page = await self.open()
        with mock.patch.object(ai_service, "get_chat_model", side_effect=ValueError("no model")):
            await self.ask()
            await page.receive_until("assistant_error")

        assert await self.answer_to(self.conversation) == ("failed", "internal_error", "")

    async def test_blocks_that_cannot_be_drawn_leave_those_of_others(self) -> None:
        def draw(text: str) -> str:
            if "Bad" in text:
                raise ValueError("no blocks")
            return render_markdown(text)

        with mock.patch.object(blocks, "render_markdown", draw):
            rendered = blocks._render(["Bad one.\n\nMore", "Good one.\n\nMore"])

        assert rendered == [(0, ""), (len("Good one.\n\n"), "<p>Good one.</p>\n")]

    async def test_an_abandoned_answer_whose_buffer_fails_ends_with_its_row(self) -> None:
        long_ago = timezone.now() - timedelta(minutes=1)
        for conversation in (self.conversation, self.other):
            await sync_to_async(AnswerFactory.create)(
                question__conversation=conversation,
                status=Status.STREAMING,
                worker="another",
                content="Two ",
                lease_expires_at=long_ago,
            )

        with mock.patch.object(TextStream, "seal", side_effect=ValueError("no buffer")):
            await end_abandoned_answers()

        for conversation in (self.conversation, self.other):
            assert await self.answer_to(conversation) == ("failed", "interrupted", "Two ")
