"""Lets users chat and ask questions during a failure, and collects the results. The tests and the table use this."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from test_utils.databases import postgresql_database
from test_utils.servers import RestartableRedis
from tests.servers import ROOT, Program, Server, Worker

MODEL = [sys.executable, "-m", "tests.faults.model"]
SOURCES = os.pathsep.join([str(ROOT), str(ROOT / "sandbox_django")])
ENDS = ("complete_streaming", "assistant_error")
TIMEOUT = 50.0  # seconds until all answers must have ended; longer than the sweep's interval
MESSAGES = 30  # the number that each user posts in the room

USERS = """
from accounts.factories.user import UserFactory
from accounts.models import SignIn
from accounts.tokens import issue_tokens
for number in range({count}):
    user = UserFactory.create(email=f"person{{number}}@example.com", display_name=f"Person {{number}}")
    print(issue_tokens(SignIn.objects.create(user=user)).access_token)
"""


@dataclass
class Stack:
    """Everything that runs in production, with two web processes and two workers."""

    database_url: str
    redis: RestartableRedis
    web: list[Server]
    workers: list[Worker]

    def tokens(self, count: int) -> list[str]:
        """Registers `count` users and returns their tokens."""
        return self.web[0].manage("shell", "--no-imports", "--command", USERS.format(count=count)).split()


@contextmanager
def running_stack(directory: Path, **env: str) -> Iterator[Stack]:
    figures = directory / "figures"
    figures.mkdir()
    with ExitStack() as started:
        redis = started.enter_context(RestartableRedis(directory))
        model = subprocess.Popen(
            MODEL, cwd=ROOT, env=os.environ | {"PYTHONPATH": SOURCES}, stdout=subprocess.PIPE, text=True
        )
        started.enter_context(model)
        started.callback(model.terminate)
        assert model.stdout is not None
        model_url = model.stdout.readline().strip()
        assert model_url, "the model did not start"
        env = {
            "DATABASE_URL": started.enter_context(postgresql_database()),
            "REDIS_URL": redis.url,
            "OPENAI_BASE_URL": model_url,
            "OPENAI_TOKEN_TIMEOUT": "3",
            "ASSISTANT_RUNNER": "taskiq",
            "PROMETHEUS_MULTIPROC_DIR": str(figures),
            "ASSISTANT_LEASE_SECONDS": "4",
            **env,
        }
        places = [directory / number for number in ("1", "2")]
        for place in places:
            place.mkdir()
        web, workers = [Server(place, **env) for place in places], [Worker(place, **env) for place in places]
        with ThreadPoolExecutor() as at_once:
            programs = (*web, *workers)
            for program in programs:
                started.callback(program.stop)
            list(at_once.map(Program.start, programs))
        yield Stack(env["DATABASE_URL"], redis, web, workers)


class Api:
    """Sends each request to any server that is up, and repeats it until there is a response."""

    def __init__(self, web: Sequence[Server], client: httpx.AsyncClient) -> None:
        self._web, self._client = web, client
        self._turn = 0

    async def send(self, method: str, path: str, data: Any = None, *, token: str = "", key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        async with asyncio.timeout(TIMEOUT):
            while True:
                self._turn += 1
                server = self._web[self._turn % len(self._web)]
                try:
                    response = await self._client.request(method, f"{server.url}{path}", json=data, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if response.status_code < 500:
                    return response
                await asyncio.sleep(0.1)


@dataclass
class Listener:
    """A socket that records the events that it receives. It reconnects to any server that is up, with the sequence
    number of its last event.
    """

    web: Sequence[Server]
    path: str
    token: str = ""
    seq: int = 0
    resynced: int = 0
    is_away: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    ends: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    _socket: ClientConnection | None = None

    async def listen(self) -> None:
        choose = random.Random(self.path)  # noqa: S311  # no secret
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        while True:
            await asyncio.sleep(choose.uniform(0, 0.3))
            if self.is_away:
                continue
            url = f"ws://127.0.0.1:{choose.choice(self.web).port}{self.path}?since={self.seq}"
            try:
                async with connect(url, additional_headers=headers, open_timeout=5, compression=None) as socket:
                    self._socket = socket
                    await self._receive(socket)
            except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
                continue
            finally:
                self._socket = None

    def disconnect(self) -> None:
        self.is_away = True
        if self._socket is not None:
            self._socket.transport.abort()

    async def _receive(self, socket: ClientConnection) -> None:
        received_lengths: dict[int, int] = {}  # how many characters of each text this socket has received
        async for frame in socket:
            message = json.loads(frame)
            action, payload = message["action"], message["payload"]
            if action == "authentication":
                assert payload["statusCode"] == 200, payload
            elif action == "resync":
                self.seq = payload["seq"]
                self.resynced += 1
                received_lengths.clear()
            elif action == "streaming":
                self._on_chunk(payload, received_lengths)
            if (seq := message.get("seq")) is None:
                continue
            self.lost += max(0, seq - self.seq - 1)
            self.doubled += seq <= self.seq
            self.seq = seq
            self.events.append(message)
            if action in ENDS:
                self.ends[payload["replyId"]] += 1

    def _on_chunk(self, payload: dict[str, Any], received_lengths: dict[int, int]) -> None:
        """Checks that a socket receives each text from its start, and without gaps or overlaps between chunks.

        After a reconnect, the text may at first be shorter than before. If the answer is just ending, the server first
        sends the text that is stored, and then the rest.
        """
        reply_id, offset, content = payload["replyId"], payload["offset"], payload["content"]
        before = received_lengths.get(reply_id, 0)
        self.lost += offset > before
        self.doubled += offset < before
        received_lengths[reply_id] = offset + len(content)
        have = self.texts.get(reply_id, "")
        # A part of the text that is sent again must be the same as before.
        again = have[offset : offset + len(content)]
        self.lost += not content.startswith(again)
        self.texts[reply_id] = have[:offset] + content if len(content) > len(again) else have


@dataclass
class AnswerResult:
    """Counts what went wrong in a run. All fields except `ended` and `resyncs` must be 0."""

    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    stuck: int = 0
    resyncs: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.disordered or self.stuck)


Fault = Callable[["Traffic"], Awaitable[None]]


@dataclass
class Traffic:
    """Conversations that are each received through both servers, and a room in which all users post."""

    stack: Stack
    tokens: Sequence[str]
    conversations: int = 8
    questions: Sequence[str] = ("How much water?",)
    run_id: str = field(default_factory=lambda: f"{random.getrandbits(128):032x}")

    async def through(self, fault: Fault) -> AnswerResult:
        """Starts the traffic, causes the failure in the middle, and waits until all answers have ended."""
        self.result = AnswerResult()
        self.acknowledged: set[int] = set()
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(timeout=10, limits=limits) as client, asyncio.TaskGroup() as lines:
            self.api = Api(self.stack.web, client)
            self.pages = [page for _ in range(self.conversations) for page in await self._conversation()]
            self.members = await self._room() if self.tokens else []
            self.listeners = [*self.pages, *self.members]
            listening = [lines.create_task(listener.listen()) for listener in self.listeners]
            await asyncio.gather(
                self._fail_in_the_middle(fault),
                *[self._ask(number) for number in range(self.conversations)],
                *[self._post_messages(number) for number in range(len(self.members))],
            )
            await self._all_ended()
            if self.members:
                await self._all_received()
            for listener in listening:
                listener.cancel()
        self.result.lost += sum(listener.lost for listener in self.listeners)
        self.result.doubled += sum(listener.doubled for listener in self.listeners)
        self.result.resyncs += sum(listener.resynced for listener in self.listeners)
        return self.result

    async def _fail_in_the_middle(self, fault: Fault) -> None:
        if fault is nothing:
            return
        async with asyncio.timeout(TIMEOUT):
            while not all(page.texts for page in self.pages):  # noqa: ASYNC110  # texts of many sockets, without an event
                await asyncio.sleep(0.02)
        await fault(self)

    async def _conversation(self) -> list[Listener]:
        made = await self.api.send("POST", "/api/assistants/anonymous/")
        assert made.status_code == 201, made.text
        path = f"/ws/assistants/{made.json()['id']}/"
        return [Listener([server, *self.stack.web], path) for server in self.stack.web]

    async def _room(self) -> list[Listener]:
        owner, *others = self.tokens
        made = await self.api.send("POST", "/api/chat/", {"title": "Faults"}, token=owner, key=f"{self.run_id} room")
        self.room = made.json()["id"]
        for number in range(1, 1 + len(others)):
            data = {"user": f"person{number}@example.com"}
            added = await self.api.send("POST", f"/api/chat/{self.room}/members/", data, token=owner)
            assert added.status_code == 201, added.text
        return [Listener(self.stack.web, f"/ws/chat/{self.room}/", token) for token in self.tokens]

    async def _ask(self, number: int) -> None:
        path = self._messages(self.pages[2 * number])
        question = {"content": self.questions[number % len(self.questions)]}
        asked = await self.api.send("POST", path, question, key=f"{self.run_id} {number}")
        assert asked.status_code == 201, asked.text

    async def _post_messages(self, number: int) -> None:
        for count in range(MESSAGES):
            response = await self.api.send(
                "POST",
                f"/api/chat/{self.room}/messages/",
                {"content": f"{number}: {count}"},
                token=self.tokens[number],
                key=f"{self.run_id} {number} {count}",
            )
            assert response.status_code == 201, response.text
            self.acknowledged.add(response.json()["id"])
            await asyncio.sleep(0.1)

    async def _all_ended(self) -> None:
        """Checks that every answer ends once, that both pages receive the end, and that the stored text equals the text
        that the pages received.
        """
        for page, twin in zip(self.pages[::2], self.pages[1::2], strict=True):
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._until_ended(page, twin)
            except TimeoutError:
                self.result.stuck += 1
                self.result.problems.append(f"{page.path} has not ended: {page.ends} {twin.ends}")
                continue
            answer = await self._answer(page)
            self.result.ended[answer["status"]] += 1
            for received in (page, twin):
                self.result.doubled += sum(received.ends.values()) - 1
                shown = received.texts.get(answer["id"], "")
                if shown != answer["content"]:
                    self.result.lost += 1
                    self.result.problems.append(f"{page.path} showed {shown!r}, stored is {answer['content']!r}")

    async def _until_ended(self, page: Listener, twin: Listener) -> None:
        while not (page.ends and twin.ends and (await self._answer(page))["status"] != "streaming"):  # noqa: ASYNC110  # a row has no event to wait for
            await asyncio.sleep(0.1)

    async def _answer(self, page: Listener) -> dict[str, Any]:
        listed = (await self.api.send("GET", self._messages(page))).json()["results"]
        (answer,) = [message for message in listed if message["messageType"] == "assistant"]
        return dict(answer)

    async def _all_received(self) -> None:
        """Checks that each member has received each stored message once and in order, or has received a `resync`."""
        stored: list[int] = []
        path = f"/api/chat/{self.room}/messages/?after=0&limit=100"
        while path:
            page = await self.api.send("GET", path, token=self.tokens[0])
            stored += [message["id"] for message in page.json()["results"]]
            path = "/api" + page.json()["next"].partition("/api")[2] if page.json()["next"] else ""
        head = int(
            (await self.api.send("GET", f"/api/chat/{self.room}/messages/", token=self.tokens[0])).headers["Feed-Seq"]
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                while any(member.seq < head for member in self.members):  # noqa: ASYNC110  # numbers of many sockets, without an event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.result.stuck += sum(member.seq < head for member in self.members)
        self.result.lost += len(self.acknowledged - set(stored))
        self.result.doubled += len(stored) - len(self.tokens) * MESSAGES
        for member in self.members:
            received = [event["payload"]["id"] for event in member.events if event["action"] == "member_message"]
            self.result.disordered += received != sorted(received)
            if not member.resynced:
                self.result.lost += len(set(stored) - set(received))

    @staticmethod
    def _messages(page: Listener) -> str:
        return f"{page.path.replace('/ws/assistants', '/api/assistants/anonymous')}messages/"


# --- Failures


async def a_worker_is_killed(traffic: Traffic) -> None:
    await asyncio.to_thread(traffic.stack.workers[0].kill)
    await asyncio.to_thread(traffic.stack.workers[0].start)


async def a_web_process_is_killed(traffic: Traffic) -> None:
    await asyncio.to_thread(traffic.stack.web[0].kill)
    await asyncio.to_thread(traffic.stack.web[0].start)


async def redis_comes_back_empty(traffic: Traffic) -> None:
    await asyncio.to_thread(traffic.stack.redis.kill)
    await asyncio.to_thread(traffic.stack.redis.start)


async def redis_is_away_for_5_s(traffic: Traffic) -> None:
    await asyncio.to_thread(traffic.stack.redis.kill)
    await asyncio.sleep(5)
    await asyncio.to_thread(traffic.stack.redis.start)


async def redis_hangs_for_8_s(traffic: Traffic) -> None:
    with traffic.stack.redis.frozen():
        await asyncio.sleep(8)


async def the_database_drops_its_connections_again_and_again(traffic: Traffic) -> None:
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
    )
    async with await psycopg.AsyncConnection.connect(traffic.stack.database_url, autocommit=True) as connection:
        for _ in range(20):
            await connection.execute(others)
            await asyncio.sleep(0.1)


async def clients_are_cut_off_again_and_again(traffic: Traffic) -> None:
    for _ in range(2):
        for listener in traffic.listeners:
            listener.disconnect()
        await asyncio.sleep(2)
        for listener in traffic.listeners:
            listener.is_away = False
        await asyncio.sleep(0.5)


async def workers_are_replaced(traffic: Traffic) -> None:
    for worker in traffic.stack.workers:
        await asyncio.to_thread(worker.stop)
        await asyncio.to_thread(worker.start)


async def web_processes_are_replaced(traffic: Traffic) -> None:
    for server in traffic.stack.web:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)


async def nothing(traffic: Traffic) -> None:
    """Causes no failure. The model still fails for some questions."""
