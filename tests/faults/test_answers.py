"""Answers survive killed servers, a Redis that restarts empty, and a deploy. The processes and sockets are real."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from test_utils.databases import postgresql_database
from test_utils.openai_test_utils import FakeOpenAI, Gate, streams
from test_utils.servers import RestartableRedis
from tests.servers import Server

pytestmark = pytest.mark.faults

ENDS = ("complete_streaming", "assistant_error")
LONGER_THAN_A_STOP = 2.0  # a server without running answers stops within these seconds
TIMEOUT = 45.0  # seconds, more than the interval of the sweep that finds lost events


@dataclass
class Page:
    """A conversation's socket, with all frames that it has received."""

    socket: ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list)

    def receive_until(self, *actions: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(self.socket.recv(TIMEOUT))
            self.frames.append(frame)
            if frame["action"] in actions:
                return frame

    @property
    def text(self) -> str:
        """Returns the newest answer's text, joined from its chunks. Raises an error if chunks have gaps or overlap."""
        text, reply = "", None
        for frame in self.frames:
            if frame["action"] == "streaming":
                payload = frame["payload"]
                if payload["replyId"] != reply:
                    text, reply = "", payload["replyId"]
                assert payload["offset"] == len(text), "a piece is missing, or came twice"
                text += payload["content"]
        return text

    @property
    def numbers(self) -> list[int]:
        return [frame["seq"] for frame in self.frames if "seq" in frame]


class Visitor:
    """A visitor with one conversation. The visitor can use any server."""

    def __init__(self, server: Server) -> None:
        self.id = httpx.post(f"{server.url}/api/assistants/anonymous/", timeout=TIMEOUT).raise_for_status().json()["id"]
        self._open = ExitStack()

    def open(self, server: Server, *, since: int | None = None) -> Page:
        query = "" if since is None else f"?since={since}"
        url = f"ws://127.0.0.1:{server.port}/ws/assistants/{self.id}/{query}"
        page = Page(self._open.enter_context(connect(url)))
        assert json.loads(page.socket.recv(5))["payload"]["statusCode"] == 200
        return page

    def leave(self) -> None:
        self._open.close()

    def ask(self, server: Server) -> dict[str, Any]:
        return self._post(server, "", {"content": "How much water?"})

    def retry(self, server: Server, question: dict[str, Any]) -> None:
        self._post(server, f"{question['id']}/retry/")

    def answers(self, server: Server) -> list[dict[str, Any]]:
        url = f"{server.url}/api/assistants/anonymous/{self.id}/messages/"
        listed = httpx.get(url, timeout=TIMEOUT).raise_for_status()
        return [message for message in listed.json()["results"] if message["messageType"] == "assistant"]

    def _post(self, server: Server, more: str, data: Any = None) -> dict[str, Any]:
        url = f"{server.url}/api/assistants/anonymous/{self.id}/messages/{more}"
        answer: dict[str, Any] = httpx.post(url, json=data or {}, timeout=TIMEOUT).raise_for_status().json()
        return answer


@contextmanager
def visitor_of(server: Server) -> Iterator[Visitor]:
    visitor = Visitor(server)
    try:
        yield visitor
    finally:
        visitor.leave()


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI.in_thread() as server:
        yield server


@pytest.fixture
def redis_of_test(tmp_path: Path) -> Iterator[RestartableRedis]:
    with RestartableRedis(tmp_path) as server:
        yield server


@pytest.fixture
def two_servers(
    tmp_path_factory: pytest.TempPathFactory, model: FakeOpenAI, redis_of_test: RestartableRedis
) -> Iterator[tuple[Server, Server]]:
    with postgresql_database() as database_url:
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_of_test.url, "OPENAI_BASE_URL": model.url}
        with (
            Server(tmp_path_factory.mktemp("one"), ASSISTANT_LEASE_SECONDS="2", **urls) as one,
            Server(tmp_path_factory.mktemp("other"), ASSISTANT_LEASE_SECONDS="2", **urls) as other,
        ):
            yield one, other


def test_pages_of_two_servers_receive_the_same_and_everything_once(
    two_servers: tuple[Server, Server], model: FakeOpenAI
) -> None:
    one, other = two_servers
    model.script(streams(*(f"word {n} 🍚 " for n in range(200)), pause=0.002))

    with visitor_of(one) as visitor:
        pages = [visitor.open(server) for server in (one, other, other)]
        visitor.ask(one)
        for page in pages:
            page.receive_until(*ENDS)

        (answer,) = visitor.answers(other)
        assert answer["content"] == "".join(f"word {n} 🍚 " for n in range(200))
        for page in pages:
            assert page.text == answer["content"]
            assert page.numbers == list(range(1, len(page.numbers) + 1))


def test_a_killed_servers_answer_is_ended_by_another_with_all_that_was_shown(
    two_servers: tuple[Server, Server], model: FakeOpenAI
) -> None:
    writer, other = two_servers
    gate = Gate()
    model.script(streams("Two ", "cups ", gate, "never said"), streams("Again."))

    with visitor_of(writer) as visitor:
        page = visitor.open(other)
        question = visitor.ask(writer)
        gate.wait_until_reached()
        while page.text != "Two cups ":
            page.receive_until("streaming")
        writer.kill()

        end = page.receive_until(*ENDS)
        assert (end["action"], end["payload"]["code"]) == ("assistant_error", "interrupted")
        assert [(a["status"], a["content"]) for a in visitor.answers(other)] == [("failed", "Two cups ")]

        visitor.retry(other, question)
        page.receive_until("complete_streaming")
        assert page.text == "Again."
        assert sum(frame["action"] in ENDS for frame in page.frames) == 2
        assert page.numbers == list(range(1, len(page.numbers) + 1))
    gate.open()


def test_a_redis_that_comes_back_empty_in_mid_answer_costs_nothing(
    two_servers: tuple[Server, Server], model: FakeOpenAI, redis_of_test: RestartableRedis
) -> None:
    writer, other = two_servers
    gate, second = Gate(), Gate()
    model.script(streams("Two ", "cups ", gate, "of ", "water ", second, "🍚."), streams("A title"))

    with visitor_of(writer) as visitor:
        pages = [visitor.open(server) for server in (writer, other)]
        visitor.ask(writer)
        gate.wait_until_reached()
        for page in pages:
            while page.text != "Two cups ":
                page.receive_until("streaming")
        redis_of_test.kill()
        gate.open()  # now the model streams more text, which the server can't send
        second.wait_until_reached()
        redis_of_test.start()
        second.open()

        for page in pages:
            end = page.receive_until(*ENDS)
            assert (end["action"], page.text) == ("complete_streaming", "Two cups of water 🍚.")
            assert page.numbers == list(range(1, len(page.numbers) + 1))
        assert [a["content"] for a in visitor.answers(other)] == ["Two cups of water 🍚."]


def test_a_deploy_lets_a_running_answer_finish(tmp_path: Path, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Two ", gate, "cups."))

    with Server(tmp_path, OPENAI_BASE_URL=model.url) as server, visitor_of(server) as visitor:
        page = visitor.open(server)
        visitor.ask(server)
        gate.wait_until_reached()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with pytest.raises(ConnectionClosed) as closed:
            page.receive_until(*ENDS)  # closed at once, so that the page reconnects to another server
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        # The answer can't end before the gate is opened. A server that doesn't wait for the answer would stop within
        # this time.
        stopping.join(LONGER_THAN_A_STOP)
        assert stopping.is_alive(), "the server did not wait for its answer"
        gate.open()
        stopping.join()

        server.start()
        page = visitor.open(server, since=page.numbers[-1])
        page.receive_until("complete_streaming")
        assert page.text == "Two cups."
        assert [(a["status"], a["content"]) for a in visitor.answers(server)] == [("complete", "Two cups.")]


def test_a_deploy_does_not_wait_for_ever_and_what_it_cuts_off_can_be_tried_again(
    tmp_path: Path, model: FakeOpenAI
) -> None:
    gate = Gate()
    model.script(streams("Two ", gate, "never said"), streams("Again."))

    with Server(tmp_path, OPENAI_BASE_URL=model.url, DRAIN_SECONDS="0.5") as server, visitor_of(server) as visitor:
        page = visitor.open(server)
        question = visitor.ask(server)
        gate.wait_until_reached()
        page.receive_until("streaming")
        server.stop()
        gate.open()

        server.start()
        page = visitor.open(server, since=question_number(page))
        end = page.receive_until(*ENDS)
        assert (end["action"], end["payload"]["code"], page.text) == ("assistant_error", "interrupted", "Two ")
        visitor.retry(server, question)
        page.receive_until("complete_streaming")
        assert page.text == "Again."


def test_after_a_crash_nothing_is_stuck_and_the_text_so_far_is_there(tmp_path: Path, model: FakeOpenAI) -> None:
    gate = Gate()
    model.script(streams("Two ", "cups ", gate, "never said"), streams("Again."))

    with (
        Server(tmp_path, OPENAI_BASE_URL=model.url, ASSISTANT_LEASE_SECONDS="2") as server,
        visitor_of(server) as visitor,
    ):
        page = visitor.open(server)
        question = visitor.ask(server)
        gate.wait_until_reached()
        while not (stored := visitor.answers(server)[0]["content"]):  # the next checkpoint follows within a second
            pass
        server.kill()
        gate.open()
        server.start()

        page = visitor.open(server, since=question_number(page))
        end = page.receive_until(*ENDS)
        assert (end["action"], page.text) == ("assistant_error", stored)
        visitor.retry(server, question)
        page.receive_until("complete_streaming")
        assert page.text == "Again."


def question_number(page: Page) -> int:
    asked = [frame for frame in page.frames if frame["action"] == "new_assistant_message"]
    return int((asked[0] if asked else page.receive_until("new_assistant_message"))["seq"])
