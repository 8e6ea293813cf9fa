"""A pytest plugin that compares every frame of every test with the AsyncAPI document.

Every frame that a socket sends or receives during a test must be documented in its channel, in that direction and with
exactly these fields. Sequence numbers and text offsets must have no gaps, and sockets may only close with documented
codes. Otherwise the test that caused the frame fails. A run of all tests also lists everything in the document that no
test has used.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

import pytest
from chanx.constants import COMPLETE_ACTIONS
from django.conf import settings
from jsonschema_rs import Draft7Validator
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection as SyncConnection

from asyncapi.document import build_document
from core.asgi import Receive, Scope, Send, WebSocketOriginMiddleware

Promise = tuple[str, ...]  # something that the document allows, such as the closing code of a channel

RESTART = 1012  # sent by uvicorn itself, so only tests/faults receives it
NORMAL = 1000
LONGEST = 400  # characters of a frame that are shown in an error


@dataclass
class Channel:
    """The part of the document that describes the sockets at one address."""

    name: str
    address: re.Pattern[str]
    closing_codes: frozenset[int]
    sent: dict[str, "Frame"] = field(default_factory=dict)
    taken: dict[str, "Frame"] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """The part of the document that describes one kind of frame."""

    name: str
    schema: dict[str, Any]
    validator: Draft7Validator

    @property
    def is_numbered(self) -> bool:
        return "seq" in self.schema["properties"]

    @property
    def is_reply(self) -> bool:
        return "ref" in self.schema["properties"]


class Contract:
    """The document in a form that `SocketRecord` can look things up in."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas: dict[str, Any] = document["components"]["schemas"]
        self.channels = {name: _channel(name, about) for name, about in document["channels"].items()}
        _close_objects(self.schemas)
        messages = document["components"]["messages"]
        for operation in document["operations"].values():
            channel = self.channels[_last(operation["channel"])]
            frames = channel.sent if operation["action"] == "send" else channel.taken
            replies = operation.get("reply", {"messages": []})["messages"]
            for references, into in ((operation["messages"], frames), (replies, channel.sent)):
                for reference in references:
                    frame = self._frame(_last(messages[_last(reference)]["payload"]))
                    into[frame.schema["properties"]["action"]["const"]] = frame

    @cache  # noqa: B019  # it keeps its object alive, of which there is one for the whole run
    def _frame(self, name: str) -> Frame:
        root = {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "components": {"schemas": self.schemas}}
        return Frame(name, self.schemas[name], Draft7Validator(root, validate_formats=True))

    def channel_at(self, path: str) -> Channel | None:
        return next((channel for channel in self.channels.values() if channel.address.fullmatch(path)), None)

    def promises(self) -> Iterator[Promise]:
        """Yields everything that the document allows."""
        for channel in self.channels.values():
            yield from ((channel.name, "closes with", str(code)) for code in channel.closing_codes - {RESTART})
            for direction, frames in (("sends", channel.sent), ("takes", channel.taken)):
                yield from ((channel.name, direction, action) for action in frames)
        for name, schema in self.schemas.items():
            for key, inner in schema.get("properties", {}).items():
                yield from ((name, key, choice) for choice in _choices(inner, key in schema["required"]))

    def met_by(self, value: Any, schema: dict[str, Any], name: str = "") -> Iterator[Promise]:
        """Yields the promises that the fields of this value fulfil; `name` is the schema's name."""
        if "$ref" in schema:
            name = _last(schema)
            schema = self.schemas[name]
        if "anyOf" in schema:
            for one in schema["anyOf"]:
                if self._fits(value, one):
                    yield from self.met_by(value, one)
        elif isinstance(value, list):
            for one in value:
                yield from self.met_by(one, schema.get("items", {}))
        elif isinstance(value, dict):
            for key, inner in schema.get("properties", {}).items():
                for choice in _choices(inner, key in schema["required"]):
                    if _is_chosen(choice, key, value):
                        yield (name, key, choice)
                if key in value:
                    yield from self.met_by(value[key], inner)

    def _fits(self, value: Any, schema: dict[str, Any]) -> bool:
        kind = (self.schemas[_last(schema)] if "$ref" in schema else schema).get("type")
        return (value is None) == (kind == "null") and isinstance(value, list) == (kind == "array")


def _channel(name: str, about: dict[str, Any]) -> Channel:
    address = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(about["address"]))
    return Channel(name, re.compile(address), frozenset(each["code"] for each in about["x-close-codes"]))


def _close_objects(schemas: dict[str, Any]) -> None:
    """Forbids fields that the document doesn't list, both in frames that are sent and in frames that are received."""
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
            schema.setdefault("required", [])


def _last(reference: dict[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


def _choices(schema: dict[str, Any], is_required: bool) -> Iterator[str]:
    """Yields the variants of a field that are counted separately: each enum value, null or not, present or not."""
    options = [one.get("type", "an object") for one in schema.get("anyOf", ())]
    yield from (f"is {json.dumps(value)}" for value in schema.get("enum", ()))
    if "null" in options:
        yield from ("is null", "is not null")
    if not is_required:
        yield from ("is there", "is left out")


def _is_chosen(choice: str, key: str, value: dict[str, Any]) -> bool:
    match choice:
        case "is left out":
            return key not in value
        case "is there":
            return key in value
        case "is not null":
            return value.get(key) is not None
        case _:
            return key in value and choice == f"is {json.dumps(value[key])}"


# --- One socket ------------------------------------------------------------------------------------------------------


class SocketRecord:
    """Keeps what the check of a socket's next frame needs to know about its earlier frames."""

    def __init__(self, recorder: "Recorder", channel: Channel, query: str) -> None:
        self._recorder, self._channel = recorder, channel
        since = parse_qs(query).get("since")
        self._since = int(since[-1]) if since and since[-1].isdecimal() else None
        self._seq: int | None = None  # sequence number of the last event; at the start, the feed's head
        self._status: int | None = None  # status in the authentication frame
        self._texts: dict[int, int] = {}  # number of characters sent so far, by the answer's id
        self._request: Any = None  # the client's frame that is being handled
        self._is_refused = False

    def on_sent(self, text: str) -> None:
        """Checks a frame that the server has sent."""
        try:
            frame = json.loads(text)
            action = frame["action"]
        except (ValueError, TypeError, KeyError):
            self._report("sends what is no frame", text)
            return
        if action in COMPLETE_ACTIONS and settings.CHANX["SEND_COMPLETION"]:
            return  # chanx's completion marker for tests
        known = self._channel.sent.get(action)
        if known is None:
            self._report(f"sends {action!r}, which the document doesn't name there", text)
            return
        self._mark_met("sends", action, frame, known)
        for error in known.validator.iter_errors(frame):
            self._report(f"sends {action!r} that is not as documented: {_describe(error)}", text)
        if not known.validator.is_valid(frame):
            return
        self._check_state(action, frame, text)
        if known.is_numbered:
            self._check_number(frame["seq"], text)
        if known.is_reply:
            self._check_reply(action, frame, text)
        self._check_text(action, frame["payload"], text)

    def on_received(self, text: str) -> None:
        """Records a frame from a client. The client's previous frame has been handled by then."""
        self.on_handled()
        self._is_refused = False
        try:
            self._request = json.loads(text)
            json.dumps(self._request, ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # not JSON, or not Unicode
            self._request = None

    def on_handled(self) -> None:
        """Checks that the client's last frame was accepted if it follows the document, and refused if it doesn't."""
        request, self._request = self._request, None
        if request is None or self._status != 200:
            return
        action = request.get("action") if isinstance(request, dict) else None
        known = self._channel.taken.get(action) if isinstance(action, str) else None
        problems = [_describe(error) for error in known.validator.iter_errors(request)] if known else ["no such action"]
        if known and not problems:
            self._mark_met("takes", str(action), request, known)
        if self._is_refused and not problems:
            self._report("refuses a frame that is as documented", json.dumps(request))
        if not self._is_refused and problems:
            self._report(f"takes a frame that is not as documented: {'; '.join(problems)}", json.dumps(request))

    def on_closed(self, code: int) -> None:
        """Checks the code with which the server closes the socket."""
        self._request = None
        self._recorder.met.add((self._channel.name, "closes with", str(code)))
        if code not in self._channel.closing_codes:
            self._report(f"closes with {code}, which the document doesn't name there", "")
        if self._status not in (None, 200) and code != 4000 + (self._status or 0):
            self._report(f"refuses with {self._status} and closes with {code}", "")

    def _check_state(self, action: str, frame: dict[str, Any], text: str) -> None:
        if self._status is None and action != "authentication":
            self._report("says something before `authentication`", text)
        elif self._status is not None and (action == "authentication" or self._status != 200):
            self._report("says something that can't follow its `authentication`", text)
        if action == "authentication":
            self._status = frame["payload"]["statusCode"]
            self._seq = frame["payload"]["data"]["seq"]
            if (self._status == 200) != (self._seq is not None):
                self._report("lets in without a number, or refuses with one", text)
            elif self._since is not None and self._seq is not None:
                self._seq = self._since
        elif action == "resync":
            self._seq = frame["payload"]["seq"]
            self._texts.clear()

    def _check_number(self, seq: int, text: str) -> None:
        if self._seq is not None and seq != self._seq + 1:
            self._report(f"numbers an event {seq} after {self._seq}", text)
        self._seq = seq

    def _check_reply(self, action: str, frame: dict[str, Any], text: str) -> None:
        self._is_refused = action == "error" or self._is_refused
        ref = self._request.get("ref") if isinstance(self._request, dict) else None
        if isinstance(ref, str) and frame.get("ref") != ref:
            self._report(f"leaves out the ref {ref!r} of the request", text)
        if ("ref" in frame) != ("version" in frame) or (ref is None and "ref" in frame):
            self._report("has a ref that nobody gave, or one without version", text)

    def _check_text(self, action: str, payload: Any, text: str) -> None:
        if action == "streaming":
            received_length = self._texts.get(payload["replyId"], 0)
            if payload["offset"] != received_length:
                self._report(
                    f"goes on at {payload['offset']} with an answer of which {received_length} characters were told",
                    text,
                )
            self._texts[payload["replyId"]] = payload["offset"] + len(payload["content"])
        elif action in ("complete_streaming", "assistant_error"):
            on_sent = self._texts.pop(payload["replyId"], 0)
            if on_sent != payload["length"]:
                self._report(f"ends an answer of which it told {on_sent} characters", text)

    def _mark_met(self, direction: str, action: str, frame: dict[str, Any], known: Frame) -> None:
        self._recorder.met.add((self._channel.name, direction, action))
        self._recorder.met.update(self._recorder.contract.met_by(frame, known.schema, known.name))

    def _report(self, problem: str, text: str) -> None:
        frame = f"\n      {text[:LONGEST]}" if text else ""
        self._recorder.problems.append(f"{self._channel.name} {problem}{frame}")


def _describe(error: Any) -> str:
    place = ".".join(str(step) for step in error.instance_path)
    return f"{place}: {error.message}" if place else str(error.message)


# --- All of them -----------------------------------------------------------------------------------------------------


class Recorder:
    """Records every socket of this process, and the clients' end of sockets that tests open to servers in other
    processes.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.met: set[Promise] = set()
        self._contract: Contract | None = None
        self._of_programs: WeakKeyDictionary[AsyncConnection | SyncConnection, SocketRecord | None] = (
            WeakKeyDictionary()
        )

    @property
    def contract(self) -> Contract:
        if self._contract is None:
            self._contract = Contract(build_document("testserver", "ws"))
        return self._contract

    def record(self, path: str, query: str) -> SocketRecord | None:
        """Returns the record of a new socket. Returns None for consumers that only a test defines, since the document
        doesn't contain them.
        """
        channel = self.contract.channel_at(path)
        return SocketRecord(self, channel, query) if channel else None

    def take_problems(self) -> list[str]:
        problems, self.problems = self.problems, []
        return problems

    def never_met(self) -> list[str]:
        return sorted(" ".join(promise) for promise in set(self.contract.promises()) - self.met)

    def listen(self) -> None:
        self._record_servers()
        self._record_clients()

    def _record_servers(self) -> None:
        original_call = WebSocketOriginMiddleware.__call__

        async def listened(middleware: WebSocketOriginMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
            record = self.record(scope["path"], scope["query_string"].decode("latin-1"))
            if record is None or scope.get("has_invented_events"):
                await original_call(middleware, scope, receive, send)
                return
            is_open = False

            async def recorded_receive() -> Any:
                record.on_handled()
                message = await receive()
                if message["type"] == "websocket.receive" and message.get("text") is not None:
                    record.on_received(message["text"])
                return message

            async def recorded_send(message: Any) -> None:
                nonlocal is_open
                match message["type"]:
                    case "websocket.accept":
                        is_open = True
                    case "websocket.send":
                        record.on_sent(message["text"])
                    case "websocket.close" if is_open:  # otherwise this refuses the handshake, without a code
                        record.on_closed(message.get("code", 1000))
                await send(message)

            await original_call(middleware, scope, recorded_receive, recorded_send)

        mock.patch.object(WebSocketOriginMiddleware, "__call__", listened).start()

    def _record_clients(self) -> None:
        """Records the frames that clients of the `websockets` package receive."""
        original_await, original_wait = AsyncConnection.recv, SyncConnection.recv

        async def await_frame(connection: AsyncConnection, *args: Any, **kwargs: Any) -> Any:
            with self._reading(connection) as read:
                return read(await original_await(connection, *args, **kwargs))

        def wait_for_frame(connection: SyncConnection, *args: Any, **kwargs: Any) -> Any:
            with self._reading(connection) as read:
                return read(original_wait(connection, *args, **kwargs))

        mock.patch.object(AsyncConnection, "recv", await_frame).start()
        mock.patch.object(SyncConnection, "recv", wait_for_frame).start()

    @contextmanager
    def _reading(self, connection: AsyncConnection | SyncConnection) -> Iterator[Callable[[Any], Any]]:
        if connection not in self._of_programs:
            assert connection.request is not None
            path, _, query = connection.request.path.partition("?")
            self._of_programs[connection] = self.record(path, query)
        record = self._of_programs[connection]

        def read(text: Any) -> Any:
            if record is not None:
                record.on_sent(text)
            return text

        try:
            yield read
        except ConnectionClosed as on_closed:
            if record is not None and on_closed.rcvd is not None and on_closed.rcvd.code != NORMAL:
                record.on_closed(on_closed.rcvd.code)
            raise

    def listen_to_page(self, page: Any) -> None:
        """Records the frames that the scripts of a Playwright page receive."""

        def listen(socket: Any) -> None:
            where = urlsplit(socket.url)
            if (record := self.record(where.path, where.query)) is not None:
                socket.on("framereceived", record.on_sent)
                socket.on("framesent", record.on_received)

        page.on("websocket", listen)


recorder = Recorder()


# --- Pytest ----------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    recorder.listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    recorder.take_problems()  # drops problems left by the previous test
    yield
    if problems := recorder.take_problems():
        listed = "\n  ".join(problems)
        pytest.fail(f"Sockets don't keep to their AsyncAPI document:\n  {listed}", pytrace=False)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and session.config.option.whole_contract and recorder.never_met():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.whole_contract and (never_met := recorder.never_met()):
        terminalreporter.section("in the AsyncAPI document, but met by no test")
        for promise in never_met:
            terminalreporter.line(promise)
