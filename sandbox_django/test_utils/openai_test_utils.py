"""Fake models for tests: an OpenAI-compatible server, and stand-ins inside the process.

    async with FakeOpenAI(says("Hello, ", gate, "world.")) as server:     # over real HTTP, in this event loop
        with override_settings(OPENAI_BASE_URL=server.url): ...

    with FakeOpenAI.in_thread(refuses(429)) as server: ...                # the same, for tests that are not async

    with scripted_model("Hello, ", ModelUnavailable(ModelProblem.CUT_OFF)) as model: ...   # no HTTP at all

    python -m test_utils.openai_test_utils --tokens 50 --rate 50          # its own process; prints its base URL

`scripted_model` replaces `ai_service.get_chat_model`, so callers must call that function through its module. With the
server, only the address differs from production, so prefer the server for tests of errors and timeouts.
"""

import argparse
import asyncio
import contextlib
import heapq
import json
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

import uvloop
from aiohttp import web

from assistants.llm.base import AnswerPart, Finish, Turn
from assistants.services import ai_service

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk  # importing it takes a second, and few tests need it

# Every error response contains this text, as providers quote keys and addresses in their errors. The project must never
# show or log it.
SECRET = "sk-secret-in-the-error"
TIMEOUT = 20  # seconds until a waiting test fails


class Gate:
    """A point in a scripted answer where the answer waits until the test opens the gate. Works across threads and event
    loops.
    """

    def __init__(self) -> None:
        self._reached: Future[None] = Future()
        self._opened: Future[None] = Future()

    def open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    async def reached(self) -> None:
        """Waits until the answer has arrived at the gate."""
        await _wait_for(self._reached)

    def wait_until_reached(self) -> None:
        """Does the same as `reached` in a synchronous test."""
        self._reached.result(TIMEOUT)

    async def go_through(self) -> None:
        """Waits until the gate is open. The scripted answer calls this."""
        if not self._reached.done():
            self._reached.set_result(None)
        await asyncio.shield(asyncio.wrap_future(self._opened))


async def _wait_for(happened: Future[None]) -> None:
    # Without the shield, cancelling one waiter would cancel the future for the other waiters.
    await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(happened)), TIMEOUT)


# --- A server --------------------------------------------------------------------------------------------------------


class Do(Enum):
    """Actions of the server other than sending."""

    CUT = "break the connection"
    HANG = "say nothing more"


# The server sends a `str` as a token and `bytes` unchanged.
Step = str | bytes | Gate | Do


@dataclass(frozen=True)
class Reply:
    """The server's reaction to one request. Tests create it with `streams`, `sends`, `refuses`, `disconnects` or
    `hangs`.
    """

    steps: tuple[Step, ...] = ()
    status: int = 200
    error: Any = None
    # The step that the server takes before it sends the headers.
    first: Gate | Do | None = None
    pause: float = 0
    finish_reason: str | None = "stop"
    usage: Any = None
    is_raw: bool = False  # the server sends the steps as the whole body, without adding chunks
    content_type: str = "text/event-stream"


def streams(
    *steps: Step,
    pause: float = 0,
    finish_reason: str | None = "stop",
    usage: tuple[int, int] | None = (11, 7),
    first: Gate | None = None,
) -> Reply:
    """Streams these steps, then ends the answer regularly."""
    counts = usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Reply(steps, pause=pause, finish_reason=finish_reason, usage=counts or None, first=first)


def sends(*body: Step, content_type: str = "text/event-stream", pause: float = 0) -> Reply:
    """Sends these bytes as the whole body of the response, without adding chunks."""
    return Reply(body, pause=pause, is_raw=True, content_type=content_type)


def refuses(status: int, code: str | None = None, message: str = "Go away.") -> Reply:
    """Responds with an error in the format of real providers, including the secrets that they quote."""
    message = f"{message} (key {SECRET} at http://{SECRET}.internal)"
    return Reply(status=status, error={"error": {"message": message, "type": "error", "param": None, "code": code}})


def disconnects(*steps: Step) -> Reply:
    """Streams these steps, then breaks the connection. Without steps, breaks it before any response."""
    return Reply((*steps, Do.CUT)) if steps else Reply(first=Do.CUT)


def hangs(*steps: Step) -> Reply:
    """Streams these steps, then sends nothing more but keeps the connection open. Without steps, sends not even
    headers.
    """
    return Reply((*steps, Do.HANG)) if steps else Reply(first=Do.HANG)


def sends_error(code: str | None = None) -> bytes:
    """Creates a step that sends an error in the middle of an answer, as providers do that have already responded with
    200.
    """
    return _event({"error": {"message": f"Broken (key {SECRET}).", "type": "server_error", "code": code}})


@dataclass
class Received:
    """A request that the server received."""

    body: dict[str, Any]
    headers: Mapping[str, str]  # names in their original case
    connection: int
    _left: Future[None] = field(default_factory=Future)

    @property
    def client_left(self) -> bool:
        """Returns whether the client disconnected before the end of the answer."""
        return self._left.done()

    async def until_client_left(self) -> None:
        await _wait_for(self._left)

    def wait_until_client_left(self) -> None:
        """Does the same as `until_client_left` in a synchronous test."""
        self._left.result(TIMEOUT)


class FakeOpenAI:
    """An OpenAI-compatible server. It sends its scripted replies in order, and repeats the last one."""

    def __init__(self, *replies: Reply, port: int = 0) -> None:
        self._script = deque(replies or [streams("Hello, ", "world.")])
        self._port = port
        self._runner: web.AppRunner | None = None
        self._connections: dict[asyncio.BaseTransport, int] = {}
        self._expected: list[tuple[int, Future[None]]] = []
        self.requests: list[Received] = []
        self.url = ""

    def script(self, *replies: Reply) -> None:
        """Replaces the replies for all following requests."""
        self._script = deque(replies)

    async def until_asked(self, times: int = 1) -> None:
        """Waits until the server has received this many requests."""
        asked: Future[None] = Future()
        self._expected.append((times, asked))
        self._notify_waiters()
        await _wait_for(asked)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await ai_service.close_clients()  # closes our clients' connections to this server
        assert self._runner is not None
        await self._runner.cleanup()

    @classmethod
    @contextmanager
    def in_thread(cls, *replies: Reply) -> Iterator[Self]:
        """Runs the server in a thread with an event loop of its own."""
        server = cls(*replies)
        started: Future[Callable[[], object]] = Future()

        async def serve() -> None:
            stop = asyncio.Event()
            stop_soon = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
            async with server:
                started.set_result(stop_soon)
                await stop.wait()

        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        stop_soon = started.result(TIMEOUT)
        try:
            yield server
        finally:
            stop_soon()
            thread.join()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "tests"}]})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        received = Received(
            body=await request.json(),
            headers=request.headers,
            connection=self._connections.setdefault(transport, len(self._connections) + 1),
        )
        self.requests.append(received)
        self._notify_waiters()
        reply = self._script.popleft() if len(self._script) > 1 else self._script[0]
        try:
            if reply.first is not None:
                await self._take(reply.first, request)
            if reply.error is not None:
                return web.json_response(reply.error, status=reply.status)
            if not received.body.get("stream"):
                return web.json_response(_whole_answer(reply))
            wants_usage = (received.body.get("stream_options") or {}).get("include_usage", False)
            return await self._stream(request, reply, wants_usage=wants_usage)
        except (asyncio.CancelledError, ConnectionError):
            if not received.client_left:
                received._left.set_result(None)
            raise

    async def _stream(self, request: web.Request, reply: Reply, *, wants_usage: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": reply.content_type})
        await response.prepare(request)
        if not reply.is_raw:
            await response.write(_chunk({"role": "assistant", "content": ""}))
        for step in reply.steps:
            if isinstance(step, str):
                await response.write(_chunk({"content": step}))
            elif isinstance(step, bytes):
                await response.write(step)
            else:
                await self._take(step, request)
            if reply.pause:
                await asyncio.sleep(reply.pause)
        if reply.finish_reason and not reply.is_raw:
            await response.write(_chunk({}, finish_reason=reply.finish_reason))
            if reply.usage and wants_usage:
                await response.write(_event(_envelope([]) | {"usage": reply.usage}))
            await response.write(b"data: [DONE]\n\n")
            for _ in range(2):
                # Lets the client read first, because most servers send the end of the body separately.
                await asyncio.sleep(0)
        return response

    async def _take(self, step: Gate | Do, request: web.Request) -> None:
        if isinstance(step, Gate):
            await step.go_through()
        elif step is Do.CUT:
            assert request.transport is not None
            request.transport.close()  # data written so far still arrives, but not the end of the body
            await asyncio.Event().wait()  # until aiohttp detects the closed connection and cancels this handler
        else:
            await asyncio.Event().wait()

    def _notify_waiters(self) -> None:
        for times, asked in self._expected:
            if times <= len(self.requests) and not asked.done():
                asked.set_result(None)


def _chunk(delta: dict[str, str], *, finish_reason: str | None = None) -> bytes:
    return _event(_envelope([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]))


def _envelope(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "fake",
        "system_fingerprint": None,
        "choices": choices,
        "usage": None,
    }


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n\n"


def _whole_answer(reply: Reply) -> dict[str, Any]:
    text = "".join(step for step in reply.steps if isinstance(step, str))
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": reply.finish_reason}]
    return _envelope(choices) | {"object": "chat.completion", "usage": reply.usage}


# --- A server as a load ----------------------------------------------------------------------------------------------


PLACE_OF_STAMP = b"@000000 "  # replaced by a time stamp of the same length, so that the frame's length stays right


class SteadyOpenAI(FakeOpenAI):
    """Streams tokens to all clients at a steady rate, with little work per token. Benchmarks use it.

    One timer serves all answers, and writes bytes that were encoded once. With `stamped`, each token contains its
    number and the time when it was sent, such as "1@123456 ": the last six digits of the machine's clock in
    milliseconds. Titles always have one token.
    """

    def __init__(
        self, *, tokens: int, rate: float, first_delay: float = 0, stamped: bool = False, port: int = 0
    ) -> None:
        super().__init__(port=port)
        self._first_delay = first_delay
        self._period = 1 / rate
        self._stamped = stamped
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}
        end = _chunk({}, finish_reason="stop") + _event(_envelope([]) | {"usage": usage}) + b"data: [DONE]\n\n"
        words = (
            f"{number}{PLACE_OF_STAMP.decode()}" if stamped else f"tok{number} " for number in range(1, tokens + 1)
        )
        events = [*(_chunk({"content": word}) for word in words), end]
        self._frames = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
        # One entry per answer: the time of its next frame, the answer's number, the frame's number, the connection, and
        # a future that is resolved at the end.
        self._due: list[tuple[float, int, int, asyncio.WriteTransport, asyncio.Future[None]]] = []
        self._answers = 0
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        is_title = "title" in (await request.json())["messages"][0]["content"]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(_chunk({"role": "assistant", "content": ""}))
        transport = request.transport
        assert transport is not None
        loop = asyncio.get_running_loop()
        finished = loop.create_future()
        self._answers += 1
        first = loop.time() + max(self._first_delay, self._period)
        start = len(self._frames) - 2 if is_title else 0
        heapq.heappush(self._due, (first, self._answers, start, transport, finished))
        self._set_timer(loop)
        await finished
        return response

    def _send_what_is_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        stamp = b"@%06d " % (time.monotonic_ns() // 1_000_000 % 1_000_000)
        while self._due and self._due[0][0] <= now:
            when, answer, number, transport, finished = self._due[0]
            if finished.done() or transport.is_closing():  # the client has disconnected
                heapq.heappop(self._due)
                continue
            frame = self._frames[number]
            transport.write(frame.replace(PLACE_OF_STAMP, stamp) if self._stamped else frame)
            if number + 1 < len(self._frames):
                heapq.heapreplace(self._due, (when + self._period, answer, number + 1, transport, finished))
            else:
                heapq.heappop(self._due)
                finished.set_result(None)
        self._timer = None
        self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._due:
            return
        # Waits at least a millisecond, so that frames that are due at about the same time share one wake-up.
        when = max(self._due[0][0], loop.time() + 0.001)
        if self._timer is None or when < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = when
            self._timer = loop.call_at(when, self._send_what_is_due)


async def _serve(server: FakeOpenAI) -> None:
    async with server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server that streams made-up tokens.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the URL is printed")
    parser.add_argument("--tokens", type=int, default=50, help="tokens in an answer")
    parser.add_argument("--rate", type=float, default=50, help="tokens a second, in each answer")
    parser.add_argument("--first-delay", type=float, default=0, help="seconds until the first token")
    parser.add_argument("--stamped", action="store_true", help="tokens say when they left")
    server = SteadyOpenAI(**vars(parser.parse_args()))
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(server))


# --- Without a server ------------------------------------------------------------------------------------------------

ScriptedChunk = AnswerPart | Gate | BaseException


class ScriptedModel:
    """A model that gives the same scripted answer to every request, and records the requests."""

    name = "scripted"

    def __init__(self, *chunks: ScriptedChunk) -> None:
        self._chunks = chunks
        self._left: Future[None] = Future()
        self.received_turns: list[list[Turn]] = []

    async def until_left(self) -> None:
        """Waits until a reader has received the whole answer or has stopped reading it."""
        await _wait_for(self._left)

    async def stream(self, turns: Sequence[Turn]) -> AsyncGenerator[AnswerPart, None]:
        self.received_turns.append(list(turns))
        try:
            for chunk in self._chunks:
                if isinstance(chunk, BaseException):
                    raise chunk
                if isinstance(chunk, Gate):
                    await chunk.go_through()
                else:
                    yield chunk
                    if isinstance(chunk, Finish):
                        return
            yield Finish()
        finally:
            if not self._left.done():
                self._left.set_result(None)


@contextmanager
def scripted_model(*chunks: ScriptedChunk) -> Iterator[ScriptedModel]:
    """Makes `ai_service.get_chat_model()` return a model that streams these chunks.

    At a Gate, the answer waits. An exception among the chunks ends it. Without a Finish, it ends with the default one.
    """
    model = ScriptedModel(*chunks)
    with mock.patch.object(ai_service, "get_chat_model", return_value=model):
        yield model


@contextmanager
def stub_openai_sdk(*chunks: "AIMessageChunk | BaseException") -> Iterator[list[Any]]:
    """Makes langchain return these chunks to OpenAIService without HTTP. Yields the list of the requests that langchain
    receives.
    """
    asked: list[Any] = []

    async def astream(chat: object, messages: Any) -> "AsyncGenerator[AIMessageChunk, None]":
        asked.append(messages)
        for chunk in chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    with mock.patch("langchain_openai.ChatOpenAI.astream", astream):
        yield asked


if __name__ == "__main__":
    main()
