"""The guarantees of the model client, tested for both transports over real HTTP."""

import asyncio
import gc
import json
import logging
import os
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.test import SimpleTestCase, override_settings
from structlog.testing import capture_logs

from assistants.llm import client
from assistants.llm.base import ChatModel, Finish, Reasoning, Turn, Usage
from assistants.llm.demo import DemoModel
from assistants.llm.errors import ModelProblem, ModelUnavailable
from assistants.llm.openai_http import DirectReader
from assistants.llm.openai_sdk import OpenAIService
from assistants.services import ai_service
from test_utils.openai_test_utils import (
    SECRET,
    FakeOpenAI,
    Gate,
    Reply,
    SteadyOpenAI,
    disconnects,
    hangs,
    refuses,
    scripted_model,
    sends_error,
    streams,
    stub_openai_sdk,
)

OUR_KEY = "sk-our-own-key"
QUESTION = [Turn("user", "Who are you?")]

if TYPE_CHECKING:
    Base = SimpleTestCase
else:
    Base = object  # prevents pytest from running the shared cases without a transport


@dataclass
class Received:
    """Collects the parts that a model has yielded."""

    chunks: list[str] = field(default_factory=list)
    usage: Usage | None = None
    is_cut_short: bool = False
    reasoning_size: int = 0
    failure: ModelUnavailable | None = None

    @property
    def text(self) -> str:
        return "".join(self.chunks)

    @property
    def problem(self) -> ModelProblem | None:
        return self.failure.code if self.failure else None


async def ask(turns: Sequence[Turn] = QUESTION) -> Received:
    received = Received()
    try:
        async with aclosing(ai_service.get_chat_model().stream(turns)) as chunks:
            async for chunk in chunks:
                match chunk:
                    case str():
                        received.chunks.append(chunk)
                    case Reasoning(size):
                        received.reasoning_size += size
                    case Finish():
                        received.usage, received.is_cut_short = chunk.usage, chunk.is_cut_short
    except ModelUnavailable as failure:
        received.failure, received.usage = failure, failure.usage
    return received


@asynccontextmanager
async def openai(*replies: Reply) -> AsyncIterator[FakeOpenAI]:
    """Runs a fake server and points the settings to it."""
    async with FakeOpenAI(*replies) as server:
        with override_settings(OPENAI_BASE_URL=server.url):
            yield server


@contextmanager
def a_server_that_never_accepts() -> Iterator[str]:
    """Returns the URL of a port whose queue of connections is full, so that connecting neither succeeds nor fails."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            for client in waiting:
                client.close()


@contextmanager
def all_logged() -> Iterator[list[str]]:
    """Captures all output of the standard library's logging."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # the only method that logging calls
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


class SharedCases(Base):
    """Test cases that apply to both transports."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(client, "FIRST_BACKOFF", 0))
        self.enterContext(override_settings(OPENAI_API_KEY=OUR_KEY))

    # --- Refused ---

    async def test_refusals_get_names_of_our_own(self) -> None:
        cases = [
            (refuses(401, "invalid_api_key"), ModelProblem.AUTH),
            (refuses(403), ModelProblem.AUTH),
            (refuses(402), ModelProblem.QUOTA),
            (refuses(404), ModelProblem.NOT_FOUND),
            (refuses(400, "model_not_found"), ModelProblem.NOT_FOUND),
            (refuses(429, "insufficient_quota"), ModelProblem.QUOTA),
            (refuses(429, "rate_limit_exceeded"), ModelProblem.RATE_LIMITED),
            (refuses(500), ModelProblem.OVERLOADED),
            (refuses(503), ModelProblem.OVERLOADED),
            (refuses(408), ModelProblem.TIMEOUT),
            (refuses(413), ModelProblem.CONTEXT_TOO_LONG),
            (refuses(400, "context_length_exceeded"), ModelProblem.CONTEXT_TOO_LONG),
            (refuses(400, message="The maximum context length is 4096."), ModelProblem.CONTEXT_TOO_LONG),
            (refuses(400, "content_filter"), ModelProblem.CONTENT_FILTERED),
            (refuses(400, "unknown_parameter"), ModelProblem.REFUSED),
            (Reply(status=500, error="<html>no JSON of ours</html>"), ModelProblem.OVERLOADED),
            (Reply(status=404, error=["no", "object"]), ModelProblem.NOT_FOUND),
        ]
        async with openai() as server:
            for reply, problem in cases:
                with self.subTest(problem=problem, status=reply.status):
                    server.script(reply)

                    received = await ask()

                    assert (received.problem, received.text) == (problem, "")

    async def test_no_text_of_the_provider_gets_out(self) -> None:
        replies = [
            *(refuses(status) for status in (400, 401, 403, 404, 429, 500, 503)),
            streams("Hello", sends_error()),
            streams(f"data: {{{SECRET}\n\n".encode()),
        ]
        async with openai() as server:
            for reply in replies:
                with self.subTest(reply=reply), capture_logs() as events, all_logged() as lines:
                    server.script(reply)

                    failure = (await ask()).failure

                    assert failure is not None
                    shown = [str(failure), repr(failure), failure.message, failure.cause, *map(str, events), *lines]
                    for secret in (SECRET, OUR_KEY):
                        assert secret not in "\n".join(shown + traceback.format_exception(failure))

    async def test_unreachable_server(self) -> None:
        with socket.socket() as taken, override_settings(OPENAI_BASE_URL=""):
            taken.bind(("127.0.0.1", 0))  # bound, but not listening
            for url in (f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "localhost:11434/v1", "http://[nonsense/v1"):
                with self.subTest(url=url), override_settings(OPENAI_BASE_URL=url):
                    received = await ask()

                    assert received.problem == ModelProblem.UNREACHABLE

    async def test_invalid_answers_are_failures(self) -> None:
        nonsense = [
            b"data: {nonsense\n\n",
            b"data: 42\n\n",
            b'data: {"choices": [null]}\n\n',
        ]
        async with openai() as server:
            for event in nonsense:
                with self.subTest(event=event):
                    server.script(streams("So far ", event, "lost"))

                    received = await ask()

                    assert (received.problem, received.text) == (ModelProblem.BAD_REPLY, "So far ")

    async def test_web_page_instead_of_an_answer(self) -> None:
        async with openai(Reply(error="<html>Welcome</html>")):
            received = await ask()

        assert received.problem == ModelProblem.BAD_REPLY

    async def test_empty_answer(self) -> None:
        async with openai(streams()) as server:
            received = await ask()

        assert (received.problem, len(server.requests)) == (ModelProblem.EMPTY, 1)

    async def test_content_filter_in_mid_answer_keeps_what_was_written(self) -> None:
        async with openai(streams("How to ", finish_reason="content_filter")):
            received = await ask()

        assert (received.problem, received.text) == (ModelProblem.CONTENT_FILTERED, "How to ")

    async def test_an_answer_ended_by_the_models_limit_is_marked_as_cut_short(self) -> None:
        async with openai(streams("How to ", finish_reason="length")):
            received = await ask()

        assert (received.problem, received.text, received.is_cut_short) == (None, "How to ", True)

    async def test_error_in_mid_answer_keeps_what_was_written(self) -> None:
        cases = [
            (sends_error(), ModelProblem.OVERLOADED),
            (sends_error("rate_limit_exceeded"), ModelProblem.RATE_LIMITED),
            (sends_error("429"), ModelProblem.RATE_LIMITED),
            (sends_error("content_filter"), ModelProblem.CONTENT_FILTERED),
        ]
        async with openai() as server:
            for event, problem in cases:
                with self.subTest(problem=problem):
                    server.script(streams("Hello, ", event, "never"))

                    received = await ask()

                    assert (received.problem, received.text) == (problem, "Hello, ")

    # --- Interrupted and silent ---

    async def test_broken_connection_keeps_what_was_written(self) -> None:
        async with openai(disconnects("Hello, ", "wor")) as server:
            received = await ask()

        assert (received.problem, received.text) == (ModelProblem.CUT_OFF, "Hello, wor")
        assert len(server.requests) == 1

    async def test_body_that_ends_before_the_answer_does_is_not_taken_for_an_answer(self) -> None:
        async with openai(streams("Hello, ", "wor", finish_reason=None)):
            received = await ask()

        assert (received.problem, received.text) == (ModelProblem.CUT_OFF, "Hello, wor")

    @override_settings(OPENAI_FIRST_TOKEN_TIMEOUT=0.5)
    async def test_silence_before_the_first_token_is_waited_for_once(self) -> None:
        for reply in (hangs(), hangs(b": still there\n\n")):
            with self.subTest(reply=reply):
                async with openai(reply) as server:
                    received = await ask()

                    assert received.problem == ModelProblem.TIMEOUT
                    assert len(server.requests) == 1
                    await server.requests[0].until_client_left()

    @override_settings(OPENAI_FIRST_TOKEN_TIMEOUT=0.5)
    async def test_signs_of_life_are_no_tokens(self) -> None:
        async with openai(streams(*[b": still there\n\n"] * 40, "Too late", pause=0.05)) as server:
            received = await ask()

            assert (received.problem, received.text) == (ModelProblem.TIMEOUT, "")
            await server.requests[0].until_client_left()

    @override_settings(OPENAI_TOKEN_TIMEOUT=0.5)
    async def test_silence_in_mid_answer_keeps_what_was_written(self) -> None:
        async with openai(hangs("Hello, ", "wor")) as server:
            received = await ask()

            assert (received.problem, received.text) == (ModelProblem.TIMEOUT, "Hello, wor")
            await server.requests[0].until_client_left()

    @override_settings(OPENAI_CONNECT_TIMEOUT=0.1)
    async def test_server_that_never_accepts_is_tried_again(self) -> None:
        with a_server_that_never_accepts() as url, override_settings(OPENAI_BASE_URL=url), capture_logs() as events:
            received = await ask()

        assert received.problem == ModelProblem.TIMEOUT
        assert [event["tries"] for event in events if event["event"] == "model_request_retried"] == [1, 2]

    # --- Repeated ---

    async def test_passing_trouble_is_asked_again(self) -> None:
        for reply in (
            refuses(429),
            refuses(500),
            refuses(503),
            disconnects(),
            streams(sends_error("rate_limit_exceeded")),
        ):
            with self.subTest(reply=reply):
                async with openai(reply, reply, streams("Here I am.")) as server:
                    received = await ask()

                assert (received.text, received.problem, len(server.requests)) == ("Here I am.", None, 3)
                assert server.requests[0].body == server.requests[2].body

    async def test_three_times_and_no_more(self) -> None:
        async with openai(refuses(429)) as server:
            received = await ask()

        assert (received.problem, len(server.requests)) == (ModelProblem.RATE_LIMITED, 3)

    async def test_lasting_trouble_is_not_asked_again(self) -> None:
        replies = [refuses(400), refuses(401), refuses(404), refuses(429, "insufficient_quota")]
        async with openai() as server:
            for reply in replies:
                server.script(reply)
                await ask()

        assert len(server.requests) == len(replies)

    async def test_nothing_is_sent_twice(self) -> None:
        async with openai(disconnects("Hello, "), streams("Hello, ", "world.")) as server:
            received = await ask()

        assert (received.text, len(server.requests)) == ("Hello, ", 1)

    # --- Stopped ---

    async def test_closing_in_mid_answer_hangs_up(self) -> None:
        async with openai(hangs("Hello, ", "wor")) as server:
            chunks = ai_service.get_chat_model().stream(QUESTION)
            await anext(chunks)
            await chunks.aclose()

            await server.requests[0].until_client_left()

    async def test_cancelling_hangs_up(self) -> None:
        cases: dict[str, Callable[[Gate], Reply]] = {
            "before the headers": lambda gate: streams("Hello", first=gate),
            "before a token": lambda gate: streams(gate, "Hello"),
            "between two": lambda gate: streams("Hello, ", gate, "world."),
        }
        for case, reply in cases.items():
            with self.subTest(case):
                gate = Gate()
                async with openai(reply(gate)) as server:
                    asking = asyncio.create_task(ask())
                    await gate.reached()
                    asking.cancel()

                    with pytest.raises(asyncio.CancelledError):
                        await asking
                    await server.requests[0].until_client_left()

    # --- Answered ---

    async def test_text_is_yielded_as_it_arrives_and_then_its_cost(self) -> None:
        gate = Gate()
        async with openai(streams("Hello, ", gate, "world.", usage=(21, 4))):
            chunks = ai_service.get_chat_model().stream(QUESTION)

            assert await anext(chunks) == "Hello, "
            gate.open()
            assert [chunk async for chunk in chunks] == ["world.", Finish("stop", Usage(21, 4))]

    async def test_server_that_does_not_count_gives_no_usage(self) -> None:
        async with openai(streams("Hello.", usage=None)):
            received = await ask()

        assert (received.text, received.usage) == ("Hello.", None)

    async def test_running_totals_are_not_added_up(self) -> None:
        totals = [
            json.dumps({"choices": [{"index": 0, "delta": {"content": "x"}}], "usage": counts})
            for counts in (
                {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
                {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
            )
        ]
        async with openai(streams(*(f"data: {total}\n\n".encode() for total in totals), usage=None)):
            received = await ask()

        assert (received.text, received.usage) == ("xx", Usage(9, 2))

    async def test_complete_conversation_arrives_unchanged(self) -> None:
        turns = [
            Turn("system", "Answer {briefly}."),
            Turn("user", "Hi {name}! 👩‍🚀 {{twice}}"),
            Turn("assistant", "مرحبا"),
            Turn("user", 'Why?\n\n"Because"'),
        ]
        async with openai() as server:
            with override_settings(OPENAI_MODEL="some-model", OPENAI_ORG="org-1"):
                await ask(turns)

        received = server.requests[0]
        assert received.body["messages"] == [{"role": turn.role, "content": turn.content} for turn in turns]
        assert (received.body["model"], received.body["stream"]) == ("some-model", True)
        assert received.headers["Authorization"] == f"Bearer {OUR_KEY}"
        assert received.headers["OpenAI-Organization"] == "org-1"

    async def test_server_without_keys(self) -> None:
        async with openai() as server:
            with override_settings(OPENAI_API_KEY="", OPENAI_BASE_URL=server.url + "/"):
                received = await ask()

        assert received.text == "Hello, world."
        assert server.requests[0].headers["Authorization"] == "Bearer none"

    async def test_characters_cut_in_two_on_the_way(self) -> None:
        text = "👩‍🚀 שלום é"
        event = f'data: {{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n'.encode()
        for cut in (event.index("👩".encode()) + 2, event.index("ש".encode()) + 1, len(event) - 1):
            with self.subTest(cut=cut):
                async with openai(streams(event[:cut], event[cut:], pause=0.01)):
                    received = await ask()

                assert received.text == text

    async def test_other_ways_to_write_the_same_stream(self) -> None:
        chunk = '{"choices":[{"index":0,\n"delta":{"content":"Hello"}}]}'
        ways = {
            "Windows line ends": f"data: {chunk}\r\n\r\n".replace(",\n", ","),
            "comments and names": f": hi\nevent: message\nid: 7\ndata: {chunk}\n\n".replace(",\n", ","),
            "no space": f"data:{chunk}\n\n".replace(",\n", ","),
            "several lines": f"data: {chunk}\n\n".replace(",\n", ",\ndata: "),
        }
        async with openai() as server:
            for way, event in ways.items():
                with self.subTest(way):
                    server.script(streams(event.encode()))

                    received = await ask()

                    assert received.text == "Hello"

    async def test_characters_that_a_database_cannot_store_are_removed(self) -> None:
        async with openai(streams("a\x00b", "\x00", "c\ud83d", "é🙂", usage=None)):
            received = await ask()

        assert received.text == "abc�é🙂"
        assert "" not in received.chunks

    async def test_connection_is_used_again_until_it_is_closed(self) -> None:
        async with openai() as server:
            await ask()
            await ask()
            await ai_service.close_clients()
            await ask()

        assert [received.connection for received in server.requests] == [1, 1, 2]

    async def test_answers_do_not_wait_for_each_other(self) -> None:
        many = 120  # more than an HTTP client's usual limit of 100 connections
        gate = Gate()
        async with openai(streams(gate, "Hello.")) as server, asyncio.TaskGroup() as group:
            asking = [group.create_task(ask()) for _ in range(many)]
            await server.until_asked(many)
            gate.open()

        assert {task.result().text for task in asking} == {"Hello."}

    def test_every_event_loop_has_connections_of_its_own_and_closes_them(self) -> None:
        with (
            FakeOpenAI.in_thread() as server,
            override_settings(OPENAI_BASE_URL=server.url),
            all_logged() as lines,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error", ResourceWarning)
            texts = [asyncio.run(ask()).text for _ in range(2)]
            gc.collect()

        assert texts == ["Hello, world."] * 2
        assert not [line for line in lines if "Unclosed" in line]

    async def test_complete_answer_for_a_title(self) -> None:
        async with openai(streams("A ", "title")):
            title = await ai_service.complete(QUESTION, at_most=100)

        assert (title.text, title.is_complete) == ("A title", True)

    async def test_a_title_that_is_too_long_is_stopped(self) -> None:
        async with openai(streams("A title ", "that goes on ", *["and on "] * 100, pause=0.05)) as server:
            title = await ai_service.complete(QUESTION, at_most=15)
            await server.requests[0].until_client_left()

        assert (len(title.text) > 15, title.is_complete) == (True, False)


@override_settings(OPENAI_TRANSPORT="langchain")
class OpenAIServiceTests(SharedCases, SimpleTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The first answer of a process takes longer than the timeouts of these tests.
        with FakeOpenAI.in_thread() as server, override_settings(OPENAI_BASE_URL=server.url):
            asyncio.run(ask())

    async def test_text_in_blocks(self) -> None:
        # Imported here because it takes a second.
        from langchain_core.messages import AIMessageChunk

        blocks = AIMessageChunk(
            content=[{"type": "text", "text": "Hello", "index": 0}], response_metadata={"finish_reason": "stop"}
        )
        with stub_openai_sdk(blocks) as asked:
            received = await ask()

        assert (received.text, received.problem) == ("Hello", None)
        assert asked == [[{"role": "user", "content": "Who are you?"}]]

    async def test_unexpected_errors_are_logged_completely(self) -> None:
        with stub_openai_sdk(RuntimeError("A bug of ours")), pytest.raises(RuntimeError, match="A bug of ours"):
            await ask()

    def test_it_is_loaded_only_when_needed_and_sends_no_reports(self) -> None:
        program = """if True:
            import asyncio, os, sys
            import django
            django.setup()
            from assistants.services import ai_service
            assert "langchain_openai" not in sys.modules and "openai" not in sys.modules
            asyncio.run(ai_service.warm_up())
            assert "langchain_openai" in sys.modules
            from langsmith.utils import tracing_is_enabled
            assert not tracing_is_enabled()
        """
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LANGSMITH_TRACING": "true",
            "LANGCHAIN_TRACING_V2": "true",
        }
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)  # noqa: S603  # our own interpreter and script


@override_settings(OPENAI_TRANSPORT="direct")
class DirectReaderTests(SharedCases, SimpleTestCase):
    async def test_tokens_that_arrive_together_come_as_one_piece(self) -> None:
        tokens = [f'data: {{"choices":[{{"delta":{{"content":"{word} "}}}}]}}\n\n' for word in ("one", "two", "three")]
        async with openai(streams("".join(tokens).encode())):
            received = await ask()

        assert received.chunks == ["one two three "]

    async def test_it_is_read_by_the_flush_clock_and_not_at_each_token(self) -> None:
        async with SteadyOpenAI(tokens=200, rate=400) as server:
            with override_settings(OPENAI_BASE_URL=server.url):
                received = await ask()

        assert received.text == "".join(f"tok{number} " for number in range(1, 201))
        assert len(received.chunks) < 40


class DemoModelTests(SimpleTestCase):
    async def answer_to(self, question: str) -> list[str]:
        chunks = DemoModel(pause=0).stream([Turn("user", "Before."), Turn("user", question)])
        return [chunk async for chunk in chunks if isinstance(chunk, str)]

    async def test_it_explains_itself_and_how_to_connect_a_model(self) -> None:
        text = "".join(await self.answer_to("How do I bake bread?"))

        for part in ("demo model", "How do I bake bread?", "OPENAI_API_KEY", "Ollama", "vLLM", "\n- ", "\n```"):
            assert part in text

    async def test_it_streams_the_same_small_pieces_each_time(self) -> None:
        chunks = await self.answer_to("Hello")

        assert chunks == await self.answer_to("Hello")
        assert chunks != await self.answer_to("Goodbye")
        assert len(chunks) > 50
        assert all(0 < len(chunk) < 20 for chunk in chunks)

    async def test_question_cannot_change_the_text_around_it(self) -> None:
        for question in ("{words} {0}", "```\ncode", "", "x" * 10_000, "🙂"):
            with self.subTest(question=question[:20]):
                text = "".join(await self.answer_to(question))

                assert text.count("```") == 2
                assert len(text) < 1000


class WhoAnswersTests(SimpleTestCase):
    def test_settings_decide(self) -> None:
        cases: list[tuple[dict[str, Any], type[ChatModel]]] = [
            ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}, DemoModel),
            ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "ASSISTANT_DEMO_MODEL": False}, OpenAIService),
            ({"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": ""}, OpenAIService),
            ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://localhost/v1"}, OpenAIService),
            ({"OPENAI_API_KEY": "sk-1", "OPENAI_TRANSPORT": "direct"}, DirectReader),
        ]
        for given, kind in cases:
            with self.subTest(given=given), override_settings(**given):
                assert type(ai_service.get_chat_model()) is kind
                assert ai_service.demo_model_answers() == (kind is DemoModel)

    def test_every_problem_has_words(self) -> None:
        for problem in ModelProblem:
            assert ModelUnavailable(problem).message
            assert ModelUnavailable(problem).code == problem.value

    async def test_steady_server_counts(self) -> None:
        async with SteadyOpenAI(tokens=5, rate=1000) as server:
            with override_settings(OPENAI_BASE_URL=server.url, OPENAI_TRANSPORT="direct"):
                received = await asyncio.gather(ask(), ask())

        assert [each.text for each in received] == ["tok1 tok2 tok3 tok4 tok5 "] * 2
        assert [each.usage for each in received] == [Usage(10, 5)] * 2

    async def test_scripted_model_replaces_the_configured_one(self) -> None:
        gate = Gate()
        with scripted_model("Hello, ", gate, ModelUnavailable(ModelProblem.CUT_OFF)) as model:
            asking = asyncio.create_task(ask())
            await gate.reached()
            gate.open()
            received = await asking

        assert (received.text, received.problem) == ("Hello, ", ModelProblem.CUT_OFF)
        assert model.received_turns == [QUESTION]
