"""The sockets of a conversation: who may open them, and which frames they send."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any
from unittest import mock, skipUnless
from uuid import uuid4

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from accounts.models import User
from assistants.consumers.conversation_consumer import ConversationAssistantConsumer
from assistants.factories import AnswerFactory, AssistantConversationFactory
from assistants.groups import conversation_feed, reply_key
from assistants.llm.base import Finish, Usage
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.messages.assistant import StreamingMessage
from assistants.models import AssistantConversation, AssistantMessage
from assistants.models.assistant_message import Status
from assistants.services import answer_writer, titles
from assistants.services.answer_writer import end_abandoned_answers
from assistants.tasks.assistant_tasks import task_handle_new_assistant_message
from live import feeds, text_stream
from live.frames import encode
from live.layers import live_layer
from live.text_buffer import BufferedChunk, MemoryBuffer, TextBuffer, text_buffer
from live.text_chunk import TextChunk
from runtime.threads import end_threads
from test_utils.openai_test_utils import Gate, ScriptedChunk, scripted_model
from test_utils.testing import Page, SocketTestCase
from test_utils.users import alice, mallory


class ConversationSocketCase(SocketTestCase):
    consumer = ConversationAssistantConsumer

    def setUp(self) -> None:
        super().setUp()
        self.alice, self.mallory = alice(), mallory()
        self.conversation: AssistantConversation = AssistantConversationFactory.create(user=self.alice)
        self.ownerless: AssistantConversation = AssistantConversationFactory.create(user=None)

    async def open(self, conversation: AssistantConversation | None = None, *, query: str = "") -> Page:
        conversation = conversation or self.conversation
        by = None if conversation.is_anonymous else self.alice
        return await self.open_page(f"/ws/assistants/{conversation.pk}/{query}", by=by)

    async def ask(self, content: str = "How much water?") -> dict[str, Any]:
        response = await self.request("POST", self.messages(), {"content": content}, by=self.alice)
        assert response.status_code == 201, response.content
        question: dict[str, Any] = response.json()
        return question

    async def post(self, action: str, message_id: int) -> dict[str, Any]:
        response = await self.request("POST", self.messages(f"{message_id}/{action}/"), by=self.alice)
        assert response.status_code == 202, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def messages(self, more: str = "") -> str:
        return f"/api/assistants/conversations/{self.conversation.pk}/messages/{more}"


def text_of(frames: list[dict[str, Any]]) -> str:
    """Returns the text that the chunks form if each is placed at its offset."""
    text = ""
    for frame in frames:
        if frame["action"] == "streaming":
            assert frame["payload"]["offset"] == len(text), "a piece is missing, or came twice"
            text += frame["payload"]["content"]
    return text


def actions(frames: list[dict[str, Any]]) -> list[str]:
    """Returns the actions in order, with repetitions left out."""
    return [action for action, _ in groupby(frame["action"] for frame in frames)]


class WhoMayListenTests(ConversationSocketCase):
    async def refusal(self, path: str, by: User | None) -> tuple[int, int]:
        page = await self.open_socket(path, by=by)
        first = await page.receive()
        assert first["action"] == "authentication"
        return first["payload"]["statusCode"], await page.close_code()

    async def test_strangers_are_refused(self) -> None:
        owned = f"/ws/assistants/{self.conversation.pk}/"

        assert await self.refusal(owned, self.mallory) == (404, 4404)
        assert await self.refusal(owned, None) == (401, 4401)
        assert await self.refusal(f"/ws/assistants/{uuid4()}/", self.alice) == (404, 4404)

    async def test_a_since_that_is_no_number_is_refused(self) -> None:
        assert await self.refusal(f"/ws/assistants/{self.ownerless.pk}/?since=yesterday", None) == (400, 4400)

    async def test_anyone_with_the_link_listens_to_a_conversation_without_owner(self) -> None:
        await self.open(self.ownerless)
        await self.open_page(f"/ws/assistants/{self.ownerless.pk}/", by=self.mallory)


class AnswerTests(ConversationSocketCase):
    async def test_an_answer_is_received_in_order_and_ends_once(self) -> None:
        page = await self.open()

        with scripted_model("Two ", "cups ", "🍚.", Finish(usage=Usage(input_tokens=12, output_tokens=3))):
            question = await self.ask()
            received = await page.receive_until("complete_streaming")

        assert actions(received) == ["new_assistant_message", "streaming", "complete_streaming"]
        assert received[0] == {"action": "new_assistant_message", "payload": question, "seq": 1}
        assert text_of(received) == "Two cups 🍚."
        answer = await AssistantMessage.objects.answers().aget()
        assert received[-1] == {
            "action": "complete_streaming",
            "payload": {
                "content": "",
                "isComplete": True,
                "messageId": question["id"],
                "replyId": answer.pk,
                "status": "complete",
                "length": 11,
                "contentHtml": "<p>Two cups 🍚.</p>\n",
                "error": "",
                "errorDetail": "",
                "model": "scripted",
                "usage": {"inputTokens": 12, "outputTokens": 3},
            },
            "seq": 2,
        }
        assert await page.receives_nothing()

    async def test_an_answer_that_the_models_own_limit_ends_is_complete_and_says_so(self) -> None:
        page = await self.open()

        with scripted_model("Two ", Finish("length")):
            await self.ask()
            received = await page.receive_until("complete_streaming")

        assert (received[-1]["payload"]["status"], received[-1]["payload"]["error"]) == ("complete", "cut_short")
        assert "Ask it to continue" in received[-1]["payload"]["errorDetail"]
        answer = await AssistantMessage.objects.answers().aget()
        assert (answer.status, answer.error, answer.content) == ("complete", "cut_short", "Two ")

    async def test_the_end_is_sent_after_the_answer_is_stored(self) -> None:
        page = await self.open()

        with scripted_model("Two cups."):
            await self.ask()
            end = (await page.receive_until("complete_streaming"))[-1]

        answer = await AssistantMessage.objects.aget(pk=end["payload"]["replyId"])
        assert (answer.status, answer.content) == ("complete", "Two cups.")

    async def test_the_question_is_answered_at_once_while_the_model_thinks(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model(gate, "At last."):
            await self.ask()  # returns although the model has sent nothing
            assert (await page.receive())["action"] == "new_assistant_message"
            gate.open()
            assert text_of(await page.receive_until("complete_streaming")) == "At last."

    async def test_a_page_that_opens_in_mid_answer_gets_the_text_so_far_and_then_the_rest(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two ", "cups ", gate, "of water."):
            question = await self.ask()
            await gate.reached()
            early = await page.receive_until("streaming")
            late = await self.open()
            first = await late.receive()
            gate.open()
            rest = await late.receive_until("complete_streaming")

        assert first["payload"]["offset"] == 0
        assert first["payload"]["messageId"] == question["id"]
        assert text_of([first, *rest]) == "Two cups of water."
        assert text_of([*early, *await page.receive_until("complete_streaming")]) == "Two cups of water."

    async def test_an_answer_that_ends_while_a_page_opens_is_received_whole_and_then_its_end(self) -> None:
        page, gate, slow = await self.open(), Gate(), Gate()

        class SlowBuffer(MemoryBuffer):
            async def read(self, key: str) -> str | None:
                await slow.go_through()
                return None

        with scripted_model("Two ", gate, "cups."):
            await self.ask()
            await gate.reached()
            with mock.patch("live.text_buffer.text_buffer", SlowBuffer):
                late = await self.open()
                await slow.reached()
                gate.open()
                await page.receive_until("complete_streaming")
                received = await late.receive_until("complete_streaming")
                slow.open()

        assert text_of(received) == "Two cups."
        assert await late.receives_nothing()

    async def test_a_page_that_comes_back_gets_what_it_missed_in_order(self) -> None:
        with scripted_model("Two ", "cups."):
            await self.ask()

        page = await self.open(query="?since=0")
        received = await page.receive_until("complete_streaming")

        assert [frame.get("seq") for frame in received] == [1, None, 2]
        assert text_of(received) == "Two cups."

    async def test_two_pages_receive_the_same(self) -> None:
        one, other = await self.open(), await self.open()

        with scripted_model("Two ", "cups."):
            await self.ask()
            assert await one.receive_until("complete_streaming") == await other.receive_until("complete_streaming")

    async def test_a_failure_is_told_in_words_and_keeps_what_was_written(self) -> None:
        page = await self.open()

        with scripted_model("Two ", ModelUnavailable(ModelProblem.RATE_LIMITED, cause="secret of the provider")):
            await self.ask()
            received = await page.receive_until("assistant_error")

        payload = received[-1]["payload"]
        assert (payload["code"], payload["length"]) == ("model_rate_limited", 4)
        assert payload["contentHtml"].strip() == "<p>Two</p>"
        assert payload["content"] == ModelProblem.RATE_LIMITED.message
        assert text_of(received) == "Two "
        answer = await AssistantMessage.objects.answers().aget()
        assert (answer.status, answer.content) == ("failed", "Two ")

    async def test_a_conversation_without_owner_is_live_for_whoever_looks(self) -> None:
        visitor = await self.open(self.ownerless)
        friend = await self.open_page(f"/ws/assistants/{self.ownerless.pk}/", by=self.mallory)

        with scripted_model("Hello."):
            await self.request("POST", f"/api/assistants/anonymous/{self.ownerless.pk}/messages/", {"content": "Hi"})
            assert text_of(await visitor.receive_until("complete_streaming")) == "Hello."
            assert text_of(await friend.receive_until("complete_streaming")) == "Hello."

    async def test_the_short_way_to_a_frame_gives_the_same_frame(self) -> None:
        payload = {"message_id": 7, "reply_id": 8, "offset": 9}
        message = StreamingMessage.model_validate({"payload": {"content": 'a"\n\u2028🍚', **payload}})

        assert StreamingMessage.frame('a"\n\u2028🍚', **payload) == encode(message)

    async def test_a_test_can_send_any_event_to_the_page(self) -> None:
        page = await self.open()
        event = StreamingMessage.model_validate(
            {"payload": {"content": "Hi", "message_id": 1, "reply_id": 2, "offset": 0}}
        )

        await ConversationAssistantConsumer.broadcast_event(event, conversation_feed(self.conversation.pk))

        assert [frame["action"] for frame in await page.receive_until("event_complete")] == [
            "streaming",
            "event_complete",
        ]


class StopTests(ConversationSocketCase):
    async def stopped(self, *chunks: ScriptedChunk) -> tuple[AssistantMessage, list[dict[str, Any]]]:
        """Asks, and stops the answer at the gate; returns the answer and the frames that the page received."""
        page, gate = await self.open(), Gate()
        with scripted_model(*chunks, gate, "never said"):
            question = await self.ask()
            await gate.reached()
            await self.post("stop", question["id"])
            received = await page.receive_until("complete_streaming")
        return await AssistantMessage.objects.answers().aget(), received

    async def test_stop_keeps_what_was_written(self) -> None:
        answer, received = await self.stopped("Two ", "cups ")

        assert text_of(received) == "Two cups "
        assert received[-1]["payload"]["status"] == "stopped"
        assert (answer.status, answer.content) == ("stopped", "Two cups ")

    async def test_stop_works_before_the_first_word(self) -> None:
        answer, received = await self.stopped()

        assert actions(received) == ["new_assistant_message", "complete_streaming"]
        assert (received[-1]["payload"]["status"], received[-1]["payload"]["length"]) == ("stopped", 0)
        assert (answer.status, answer.content) == ("stopped", "")

    async def test_the_next_question_can_follow_at_once(self) -> None:
        await self.stopped("Two ")
        page = await self.open()

        with scripted_model("Yes."):
            await self.ask("Really?")
            assert text_of(await page.receive_until("complete_streaming")) == "Yes."

    async def test_stop_sent_to_another_process_is_seen_at_the_checkpoint(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two ", gate, "never said"):
            await self.ask()
            await gate.reached()
            await AssistantMessage.objects.streaming().aupdate(stop_requested=True)
            received = await page.receive_until("complete_streaming")

        assert received[-1]["payload"]["status"] == "stopped"


class TroubleAtTheEndTests(ConversationSocketCase):
    async def test_an_end_that_the_database_does_not_take_is_stored_a_little_later(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two ", gate, "cups."):
            await self.ask()
            await gate.reached()
            away = [OperationalError, mock.DEFAULT]
            with mock.patch.object(feeds, "write_all", wraps=feeds.write_all, side_effect=away):
                gate.open()
                received = await page.receive_until("complete_streaming")

        assert text_of(received) == "Two cups."

    async def test_a_buffer_that_can_not_be_closed_keeps_nobody_from_the_end(self) -> None:
        page = await self.open()
        failures = live_layer().outage.failures

        with (
            mock.patch.object(type(text_buffer()), "close", side_effect=ConnectionRefusedError),
            scripted_model("Two cups."),
        ):
            await self.ask()
            await page.receive_until("complete_streaming")
            assert await page.receives_nothing()

        assert live_layer().outage.failures == failures + 1, "and nobody knows of it"


class RetryTests(ConversationSocketCase):
    async def test_retry_streams_a_new_answer_to_the_same_question(self) -> None:
        with scripted_model(ModelUnavailable(ModelProblem.TIMEOUT)):
            question = await self.ask()
        page = await self.open()

        with scripted_model("Now ", "it works."):
            answer = await self.post("retry", question["id"])
            received = await page.receive_until("complete_streaming")

        assert {frame["payload"]["messageId"] for frame in received} == {question["id"]}
        assert {frame["payload"]["replyId"] for frame in received} == {answer["id"]}
        assert text_of(received) == "Now it works."


class TitleTests(ConversationSocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.conversation = AssistantConversationFactory.create(user=self.alice, title="")

    async def test_pages_receive_of_the_title_behind_the_first_words(self) -> None:
        page = await self.open()

        with scripted_model("Rice and water"):
            await self.ask("How much {water}?")
            received = await page.receive_until("conversation_updated")

        assert received[-1]["payload"]["title"] == "Rice and water"
        assert actions(received)[0] == "new_assistant_message"

    async def test_the_model_is_asked_for_it_with_the_question_itself(self) -> None:
        page = await self.open()

        with scripted_model("Rice") as model:
            await self.ask("How much {water} for {{rice}}?")
            await page.receive_until("conversation_updated")

        assert model.received_turns[1][-1].content == "How much {water} for {{rice}}?"

    async def test_a_failing_model_leaves_the_first_words(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two", gate, ModelUnavailable(ModelProblem.OVERLOADED)):
            await self.ask("How much water?")
            gate.open()
            received = await page.receive_until("conversation_updated")

        assert received[-1]["payload"]["title"] == "How much water?"

    async def test_a_question_that_is_one_long_word_still_gives_a_title(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two", gate, ModelUnavailable(ModelProblem.OVERLOADED)):
            await self.ask("ご飯" * 100)
            gate.open()
            received = await page.receive_until("conversation_updated")

        assert received[-1]["payload"]["title"] == ("ご飯" * 100)[:59] + "…"

    async def test_a_title_that_somebody_gave_meanwhile_stays(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two", gate, "cups"):
            await self.ask("How much water?")
            await gate.reached()
            path = f"/api/assistants/conversations/{self.conversation.pk}/"
            await self.request("PATCH", path, {"title": "Mine"}, by=self.alice)
            gate.open()
            await page.receive_until("complete_streaming")

        await self.conversation.arefresh_from_db()
        assert self.conversation.title == "Mine"


class AbandonedTests(ConversationSocketCase):
    async def test_an_answer_whose_worker_died_is_ended_with_all_that_was_written(self) -> None:
        page = await self.open()
        answer = await sync_to_async(self.abandoned)()

        await end_abandoned_answers()

        received = await page.receive_until("assistant_error")
        assert received[-1]["payload"]["code"] == "interrupted"
        assert text_of(received) == "Two "
        await answer.arefresh_from_db()
        assert (answer.status, answer.content) == ("failed", "Two ")

    @skipUnless(settings.REDIS_URL, "without Redis there is one process, which knows its own answers")
    async def test_a_writer_that_was_only_late_shows_nothing_beyond_the_stored_end(self) -> None:
        page = await self.open()
        answer = await sync_to_async(self.abandoned)()
        store_ends, claimed_too_late = answer_writer._store_ends, []

        def go_on_late_and_end(*args: Any) -> list[bool]:
            late = async_to_sync(text_buffer().send)([self.chunk(answer, "cups.")])
            claimed_too_late.append(reply_key(answer.pk) not in late)
            return store_ends(*args)

        await text_buffer().send([self.chunk(answer, "Two ", offset=0)])
        with mock.patch.object(answer_writer, "_store_ends", go_on_late_and_end):
            await end_abandoned_answers()

        assert claimed_too_late == [False]
        assert text_of(await page.receive_until("assistant_error")) == "Two "

    def chunk(self, answer: AssistantMessage, content: str, *, offset: int = 4) -> BufferedChunk:
        feed, size = conversation_feed(self.conversation.pk), offset + len(content)
        frame = StreamingMessage.frame(content, message_id=answer.question_id or 0, reply_id=answer.pk, offset=offset)
        message = TextChunk(answer.pk, answer.after_seq, offset, len(content), frame).message(feed)
        return BufferedChunk(reply_key(answer.pk), content, offset, size, feed, message, lambda: content)

    async def test_a_living_worker_is_left_alone(self) -> None:
        answer = await sync_to_async(self.abandoned)(lease_expires_at=timezone.now() + timedelta(seconds=5))

        await end_abandoned_answers()

        await answer.arefresh_from_db()
        assert answer.status == "streaming"

    async def test_two_who_find_it_end_it_once(self) -> None:
        page = await self.open()
        await sync_to_async(self.abandoned)()

        await asyncio.gather(end_abandoned_answers(), end_abandoned_answers())

        await page.receive_until("assistant_error")
        assert await page.receives_nothing()

    async def test_an_answer_of_this_process_is_only_late(self) -> None:
        page, gate = await self.open(), Gate()

        with scripted_model("Two ", gate, "cups."):
            await self.ask()
            await gate.reached()
            expired = timezone.now() - timedelta(seconds=1)
            answer = await AssistantMessage.objects.streaming().aget()
            await AssistantMessage.objects.streaming().aupdate(lease_expires_at=expired)
            await end_abandoned_answers()
            gate.open()
            received = await page.receive_until("complete_streaming")

        assert text_of(received) == "Two cups."
        assert answer.pk not in answer_writer._writers.current(), "and now it isn't written any more"

    async def test_a_writer_whose_answer_another_has_ended_hangs_up_though_the_model_is_silent(self) -> None:
        await self.open()
        gate = Gate()
        with scripted_model("Two ", gate) as model, mock.patch.object(text_stream, "CHECKPOINT_INTERVAL", 0.1):
            await self.ask()
            await gate.reached()
            await AssistantMessage.objects.streaming().aupdate(status=Status.FAILED, error="interrupted")

            await model.until_left()

    async def test_a_writer_whose_buffer_another_has_closed_hangs_up_with_the_next_words(self) -> None:
        await self.open()
        gate, silence = Gate(), Gate()
        with (
            scripted_model("Two ", gate, "cups", silence) as model,
            mock.patch.object(text_stream, "CHECKPOINT_INTERVAL", 60),
        ):
            await self.ask()
            await gate.reached()
            answer = await AssistantMessage.objects.streaming().aget()
            await text_buffer().close([reply_key(answer.pk)])

            gate.open()

            await model.until_left()

    async def test_a_task_that_is_delivered_again_changes_nothing(self) -> None:
        with scripted_model("Once.") as model:
            question = await self.ask()
            await task_handle_new_assistant_message(question["id"])

        assert len(model.received_turns) == 1
        assert await AssistantMessage.objects.answers().acount() == 1

    def abandoned(self, **fields: Any) -> AssistantMessage:
        fields = {"lease_expires_at": timezone.now() - timedelta(seconds=1), **fields}
        question = {"question__conversation": self.conversation}
        return AnswerFactory.create(**question, status=Status.STREAMING, content="Two ", worker="dead", **fields)


class ManyAnswersTests(ConversationSocketCase):
    async def ask_everywhere(self, conversations: Sequence[AssistantConversation]) -> list[Page]:
        pages = [await self.open(conversation) for conversation in conversations]
        for conversation in conversations:
            path = f"/api/assistants/anonymous/{conversation.pk}/messages/"
            assert (await self.request("POST", path, {"content": "Hi"})).status_code == 201
        return pages

    async def test_a_hundred_answers_hold_no_database_connection_while_the_model_talks(self) -> None:
        """With two database threads, and so two connections, requests are served while 100 answers are running."""
        conversations = await sync_to_async(AssistantConversationFactory.create_batch)(100, user=None)
        gate = Gate()

        with self.settings(DATABASE_THREADS=2, LIMITS=False), scripted_model("Two ", gate, "cups."):
            self.addCleanup(end_threads)
            pages = await self.ask_everywhere(conversations)
            started = [text_of(await page.receive_until("streaming")) for page in pages]
            gate.open()
            ended = await asyncio.gather(*[page.receive_until("complete_streaming") for page in pages])

        assert started == ["Two "] * 100
        assert [frames[-1]["payload"]["length"] for frames in ended] == [9] * 100

    async def test_answers_that_end_together_share_their_last_round_trips(self) -> None:
        conversations = await sync_to_async(AssistantConversationFactory.create_batch)(40, user=None)
        buffer = type(text_buffer())
        send, more, last = buffer.send, Gate(), Gate()
        batches: list[int] = []

        async def slow(self: TextBuffer, chunks: Sequence[BufferedChunk]) -> set[str]:
            batches.append(len(chunks))
            last.open()  # all answers end during this flush, so no tick sends their last chunks
            await asyncio.sleep(0.05)  # the delay of a distant Redis
            return await send(self, chunks)

        with self.settings(DATABASE_THREADS=2, LIMITS=False), scripted_model("Two ", more, "cups", last, "."):
            self.addCleanup(end_threads)
            pages = await self.ask_everywhere(conversations)
            for page in pages:
                await page.receive_until("streaming")
            with mock.patch.object(buffer, "send", slow):
                more.open()
                ended = await asyncio.gather(*[page.receive_until("complete_streaming") for page in pages])

        assert sum(batches) == 80
        assert len(batches) < 10
        contents = [
            [frame["payload"]["content"] for frame in received if frame["action"] == "streaming"] for received in ended
        ]
        assert contents == [["cups", "."]] * 40

    async def test_answers_that_end_together_are_stored_and_named_in_few_transactions(self) -> None:
        conversations = await sync_to_async(AssistantConversationFactory.create_batch)(40, user=None, title="")
        gate = Gate()

        with (
            self.settings(DATABASE_THREADS=2, LIMITS=False),
            scripted_model("Two ", gate, "cups."),
            mock.patch.object(feeds, "write_all", wraps=feeds.write_all) as write_all,
        ):
            self.addCleanup(end_threads)
            pages = await self.ask_everywhere(conversations)
            started = [await page.receive_until("streaming") for page in pages]
            gate.open()
            received = await asyncio.gather(*[page.receive_until("complete_streaming") for page in pages])
            for page, frames in zip(pages, received, strict=True):
                if not any(frame["action"] == "conversation_updated" for frame in frames):
                    frames += await page.receive_until("conversation_updated")

        written = [len(call.args[0]) for call in write_all.call_args_list]
        assert sum(written) == 40 * 3  # a question, an end and a title for each conversation
        assert len(written) <= 40 + 30
        assert [text_of(first + rest) for first, rest in zip(started, received, strict=True)] == ["Two cups."] * 40

    async def test_few_titles_are_asked_for_at_once(self) -> None:
        conversations = await sync_to_async(AssistantConversationFactory.create_batch)(12, user=None, title="")
        gate = Gate()

        with self.settings(DATABASE_THREADS=2, LIMITS=False), scripted_model("Two ", gate, "cups.") as model:
            self.addCleanup(end_threads)
            pages = await self.ask_everywhere(conversations)
            for page in pages:
                await page.receive_until("streaming")
            concurrent_requests = len(model.received_turns)
            gate.open()
            for page in pages:
                await page.receive_until("conversation_updated")

        assert concurrent_requests <= 12 + titles.MAX_CONCURRENT
        assert len(model.received_turns) == 24


class FinishedBlocksTests(ConversationSocketCase):
    """While an answer is written, pages receive its finished blocks as HTML."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch("live.text_stream.CHECKPOINT_INTERVAL", 0.05))

    async def test_blocks_come_once_each_between_their_text_and_the_end(self) -> None:
        page = await self.open()
        first, second = Gate(), Gate()
        with scripted_model("Take **one** part.\n\nAnd", first, " water.\n\n- a\n- b\n\nThe", second, " end."):
            await self.ask()
            received = await page.receive_until("answer_blocks")
            first.open()
            received += await page.receive_until("answer_blocks")
            second.open()
            received += await page.receive_until("complete_streaming")

        blocks = [frame["payload"] for frame in received if frame["action"] == "answer_blocks"]
        assert [(block["offset"], block["length"], block["html"]) for block in blocks] == [
            (0, 20, "<p>Take <strong>one</strong> part.</p>\n"),
            (20, 41, "<p>And water.</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ]
        assert all("seq" not in frame for frame in received if frame["action"] == "answer_blocks")
        assert text_of(received) == "Take **one** part.\n\nAnd water.\n\n- a\n- b\n\nThe end."
        assert received[-1]["payload"]["contentHtml"].startswith(blocks[0]["html"] + blocks[1]["html"])

    async def test_page_that_opens_late_still_gets_the_text_from_its_start(self) -> None:
        early = await self.open()
        gate = Gate()
        with scripted_model("One.\n\nTwo", gate, "."):
            await self.ask()
            await early.receive_until("answer_blocks")
            late = await self.open()
            gate.open()
            received = await late.receive_until("complete_streaming")

        assert text_of(received) == "One.\n\nTwo."

    async def test_nothing_is_drawn_while_too_many_answers_are_written(self) -> None:
        page = await self.open()
        gate = Gate()
        with (
            mock.patch("assistants.services.answer_writer.MAX_ANSWERS", 0),
            mock.patch("assistants.services.blocks.render_markdown") as render,
            scripted_model("One.\n\nTwo", gate, "."),
        ):
            await self.ask()
            await page.receive_until("streaming")
            await self.until_checkpointed("One.\n\nTwo")
            gate.open()
            await page.receive_until("complete_streaming")

        render.assert_not_called()

    async def until_checkpointed(self, text: str) -> None:
        while not await AssistantMessage.objects.filter(content=text, status=Status.STREAMING).aexists():  # noqa: ASYNC110  # a row has no event to wait for
            await asyncio.sleep(0.01)
