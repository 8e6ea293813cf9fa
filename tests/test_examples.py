"""Runs the programs in examples/ as a user does, over a connection that breaks."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from django.core.management import call_command

from test_utils.openai_test_utils import FakeOpenAI, Gate, disconnects, streams
from tests.faults.devices import PASSWORD, Device, register
from tests.servers import ROOT, Server

pytestmark = pytest.mark.programs

TIMEOUT = 20.0
TOKEN_SECONDS = 3
SETTINGS = f"""
from datetime import timedelta
from config.settings.dev import *
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"] = timedelta(seconds={TOKEN_SECONDS})
"""

ASK, FOLLOW = "ask.py", "follow.mjs"
COMMANDS = {
    ASK: [sys.executable, ASK],
    FOLLOW: ["node", "--experimental-websocket", FOLLOW],  # Node 22 and newer don't need the option
}
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="no Node on PATH (20 or newer)")
BOTH = pytest.mark.parametrize("program", [ASK, pytest.param(FOLLOW, marks=NEEDS_NODE)])

FIRST, SECOND = "Half of it 🌊, ", "and the *other* half."


class Line:
    """A TCP proxy to the server. The test can cut and restore it, and read what was sent through it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._is_whole = True
        self.sent = b""  # bytes that the clients have sent
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(100)
        self._pool.submit(self._serve)
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._pool.shutdown()

    def cut(self) -> None:
        """Breaks all connections without a closing message, and accepts no new ones."""
        self._is_whole = False
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def repair(self) -> None:
        self._is_whole = True

    @property
    def sockets(self) -> int:
        """Returns the number of sockets that clients have opened so far."""
        return self.sent.count(b"GET /ws/")

    def has_more_sockets_than(self, before: int) -> bool:
        return self.sockets > before

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._is_whole:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
                self._pool.submit(self._carry, client, server, self._note)
                self._pool.submit(self._carry, server, client, len)

    def _note(self, sent: bytes) -> None:
        self.sent += sent

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, note: Callable[[bytes], Any]) -> None:
        with suppress(OSError), source, target:
            while block := source.recv(65536):
                note(block)
                target.sendall(block)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the path of a copy of the examples, with a client generated from the current code."""
    folder = tmp_path_factory.mktemp("home") / "examples"
    shutil.copytree(ROOT / "examples", folder, ignore=shutil.ignore_patterns("sandbox_client", "__pycache__"))
    call_command("generate_client", folder / "sandbox_client")
    return folder


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI.in_thread() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: FakeOpenAI) -> Iterator[Server]:
    """Supplies a server whose tokens expire quickly."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "short_tokens.py").write_text(SETTINGS)
    names = {"DJANGO_SETTINGS_MODULE": "short_tokens", "PYTHONPATH": f"{folder}:{ROOT / 'sandbox_django'}"}
    with Server(folder, OPENAI_BASE_URL=model.url, **names) as running:
        yield running


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    with Line(server.port) as whole:
        yield whole


@contextmanager
def started(command: list[str], folder: Path, line: Line, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"SANDBOX_URL": line.url, "NODE_NO_WARNINGS": "1", "PYTHONUNBUFFERED": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    too_long = threading.Timer(TIMEOUT * 2, process.kill)
    too_long.start()
    try:
        yield process
    finally:
        too_long.cancel()
        process.kill()
        process.wait()


def read(process: subprocess.Popen[str], length: int) -> str:
    assert process.stdout is not None
    text: str = process.stdout.read(length)
    return text


def end_of(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Waits until the program ends. Returns the rest of its output and its exit code."""
    rest, errors = process.communicate(timeout=TIMEOUT)
    assert "Traceback" not in errors, errors
    return rest, process.returncode


def until(happened: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + TIMEOUT
    while not (value := happened()):
        assert time.monotonic() < give_up_at, "it has not happened"
        time.sleep(0.05)
    return value


@BOTH
def test_an_answer_is_printed_whole(program: str, examples: Path, model: FakeOpenAI, line: Line) -> None:
    model.script(streams(FIRST, SECOND))

    with started([*COMMANDS[program], "How much?"], examples, line) as asking:
        assert end_of(asking) == (FIRST + SECOND + "\n", 0)


@NEEDS_NODE
def test_a_node_without_websocket_is_told_what_to_use_instead_of_a_traceback(examples: Path) -> None:
    command = ["node", "--no-experimental-websocket", FOLLOW]
    ended = subprocess.run(command, cwd=examples, capture_output=True, text=True, timeout=TIMEOUT)

    assert ended.returncode == 2
    assert "Node 22" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@BOTH
def test_a_line_that_is_cut_in_mid_answer_costs_no_character(
    program: str, examples: Path, model: FakeOpenAI, line: Line
) -> None:
    gate = Gate()
    model.script(streams(FIRST, gate, SECOND))

    with started([*COMMANDS[program], "How much?"], examples, line) as asking:
        assert read(asking, len(FIRST)) == FIRST
        for _ in range(2):
            opened = line.sockets
            line.cut()
            line.repair()
            until(partial(line.has_more_sockets_than, opened))
        gate.open()

        assert end_of(asking) == (SECOND + "\n", 0)
    assert b"?since=1 " in line.sent


@BOTH
def test_events_during_a_disconnection_are_read_afterwards(
    program: str, examples: Path, model: FakeOpenAI, server: Server, line: Line
) -> None:
    gate = Gate()
    model.script(streams(FIRST, gate, SECOND))

    with started([*COMMANDS[program], "How much?"], examples, line) as asking:
        assert read(asking, len(FIRST)) == FIRST
        line.cut()
        gate.open()
        until(lambda: answers_to_the_visitor(server, line)[-1]["status"] == "complete")
        line.repair()

        assert end_of(asking) == (SECOND + "\n", 0)
    assert answers_to_the_visitor(server, line)[-1]["content"] == FIRST + SECOND


def answers_to_the_visitor(server: Server, line: Line) -> list[Any]:
    """Returns the stored answers of the conversation that the client on this line has started."""
    path = line.sent.rpartition(b"POST ")[2].split()[0].decode()
    listed = httpx.get(server.url + path).json()["results"]
    return [message for message in listed if message["messageType"] == "assistant"]


def test_the_exit_code_shows_how_it_ended(examples: Path, model: FakeOpenAI, server: Server, line: Line) -> None:
    gate = Gate()
    for reply, code in (
        (streams(FIRST, finish_reason="length"), 3),
        (streams(FIRST, gate, SECOND), 4),
        (disconnects(FIRST), 5),
    ):
        model.script(reply)
        with started([*COMMANDS[ASK], "How much?"], examples, line) as asking:
            assert read(asking, len(FIRST)) == FIRST
            if code == 4:
                path = line.sent.rpartition(b"POST ")[2].split()[0].decode()
                answer = answers_to_the_visitor(server, line)[-1]["id"]
                httpx.post(f"{server.url}{path}{answer}/stop/").raise_for_status()
            assert end_of(asking) == ("\n", code)
    gate.open()

    with started([*COMMANDS[ASK], "How much?"], examples, line, SANDBOX_EMAIL="nobody@example.com") as asking:
        assert end_of(asking) == ("", 1)


def test_user_asks_in_their_own_conversation(examples: Path, model: FakeOpenAI, server: Server, line: Line) -> None:
    register("carol@example.com", server, name="Carol")
    model.script(streams(FIRST, SECOND))

    who = {"SANDBOX_EMAIL": "carol@example.com", "SANDBOX_PASSWORD": PASSWORD}
    with started([*COMMANDS[ASK], "How much?"], examples, line, **who) as asking:
        assert end_of(asking) == (FIRST + SECOND + "\n", 0)

    headers = {"Authorization": f"Bearer {Device.of('carol@example.com', server).access}"}
    mine = httpx.get(f"{server.url}/api/assistants/conversations/", headers=headers).json()
    assert mine["count"] == 1


def test_the_bot_answers_each_message_to_it_once_whatever_the_line_does(
    examples: Path, server: Server, line: Line
) -> None:
    for name in ("Alice", "Robot"):
        register(f"{name.lower()}@example.com", server, name=name)
    room = post(server, "alice", "/api/chat/", {"title": "Rice"})["id"]
    post(server, "alice", f"/api/chat/{room}/members/", {"user": "robot@example.com"})
    messages = f"/api/chat/{room}/messages/"

    def post_message(content: str, *, by: str = "alice") -> None:
        post(server, by, messages, {"content": content})

    def answers() -> list[str]:
        """Returns the bot's answers, oldest first."""
        listed = httpx.get(f"{server.url}{messages}?limit=100", headers=signed_in(server, "alice")).json()["results"]
        return [each["content"] for each in reversed(listed) if each["content"].startswith("@Alice")]

    post_message("@Robot What was before you came is not for you.")
    who = {"SANDBOX_EMAIL": "robot@example.com", "SANDBOX_PASSWORD": PASSWORD}
    with started([sys.executable, "chat_bot.py", str(room)], examples, line, **who) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == f"Listening in room {room}.\n"

        post_message("Nobody is meant by this.")
        post_message("@Robot I am talking to myself.", by="robot")
        post_message("@Robot Three words.")
        until(lambda: len(answers()) == 1)

        line.cut()
        post_message("@Robot While the line is down.")
        post_message("@Robot And once more, while it still is.")
        line.repair()
        until(lambda: len(answers()) == 3)

        until(lambda: line.sent.count(b"POST /api/accounts/token/refresh/") >= 2)  # the bot's token has expired twice
        post_message("@Robot Are you still there?")
        until(lambda: len(answers()) == 4)

        post(server, "robot", "/api/accounts/logout/", {"allDevices": True})
        post_message("@Robot Even now?")
        until(lambda: len(answers()) == 5)

    assert answers() == [f"@Alice That were {words} words." for words in (3, 6, 8, 5, 3)]
    assert line.sent.count(b"POST /api/accounts/login/") == 2  # at the start, and after the sign-out


def signed_in(server: Server, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {Device.of(f'{name}@example.com', server).access}"}


def post(server: Server, by: str, path: str, data: Any) -> Any:
    return Device.of(f"{by}@example.com", server).post(server, path, data)
