"""In a room with bad connections and a crashing server, every client receives every event exactly once.

Many programs post and receive messages at the same time over real sockets. Their connections break at random, some
users are removed (one of them is added again), and a server is killed and restarted half-way. In the end, the messages
that the server acknowledged are compared with those that each client received. For a larger run, set
CHAT_HISTORY_CLIENTS=50 CHAT_HISTORY_MESSAGES=2000.
"""

import asyncio
import json
import math
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from test_utils.databases import postgresql_database
from test_utils.servers import redis_server
from tests.servers import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

CLIENTS = int(os.environ.get("CHAT_HISTORY_CLIENTS", "10"))
MESSAGES = int(os.environ.get("CHAT_HISTORY_MESSAGES", "200"))  # the number for all clients together
# A connection breaks after it has received this many events; the number grows with the number of clients. It is not a
# time, since on a busy machine connections would break before they are open, and clients would only reconnect.
CONNECTED_FOR = (1, 4 * CLIENTS)
DISCONNECTED_FOR = (0.0, 0.5)  # seconds
TIMEOUT = 60.0  # seconds until every client must have received everything

USERS = """
from accounts.factories.user import UserFactory
from accounts.models import SignIn
from accounts.tokens import issue_tokens
for number in range({count}):
    user = UserFactory.create(email=f"person{{number}}@example.com", display_name=f"Person {{number}}")
    print(user.pk, issue_tokens(SignIn.objects.create(user=user)).access_token)
"""


@pytest.fixture(params=["embedded", "production"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Supplies one server with the embedded default, or two servers with PostgreSQL and Redis."""
    with ExitStack() as started:
        if request.param == "embedded":
            yield [started.enter_context(Server(tmp_path_factory.mktemp("one")))]
            return
        urls = {
            "DATABASE_URL": started.enter_context(postgresql_database()),
            "REDIS_URL": started.enter_context(redis_server()),
        }
        yield [started.enter_context(Server(tmp_path_factory.mktemp(name), **urls)) for name in ("one", "other")]


@dataclass
class Client:
    """A program that records the events of the room. It reconnects with the sequence number of its last event."""

    number: int
    pk: int
    access: str
    server: Server
    room: int = 0
    seq: int = 0
    line_breaks: bool = True
    received: list[dict[str, Any]] = field(default_factory=list)  # frames with a sequence number
    after_the_end: list[dict[str, Any]] = field(default_factory=list)
    close_codes: list[int] = field(default_factory=list)
    is_out: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}

    async def listen(self) -> None:
        """Receives events until the user is removed from the room."""
        choose = random.Random(self.number)  # noqa: S311  # no secret
        while True:
            try:
                url = f"ws://127.0.0.1:{self.server.port}/ws/chat/{self.room}/?since={self.seq}"
                socket = await connect(url, additional_headers=self.headers, open_timeout=5)
            except (OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(0.05)  # the server is being restarted
                continue
            try:
                await self.receive(socket, events=choose.randint(*CONNECTED_FOR) if self.line_breaks else math.inf)
                socket.transport.abort()
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code >= 4400:
                    self.close_codes.append(closed.rcvd.code)
                    self.is_out.set()
                    # Returns at once: a test that waits for `is_out` may add the user again and start another listener.
                    return
            await asyncio.sleep(choose.uniform(*DISCONNECTED_FOR))

    async def receive(self, socket: ClientConnection, *, events: float) -> None:
        was_removed = False
        while events or was_removed:  # after a removal, the server only closes the socket
            frame = json.loads(await socket.recv())
            if was_removed:
                self.after_the_end.append(frame)
            assert frame["action"] != "resync", "nothing was pruned"
            if "seq" in frame:
                self.received.append(frame)
                self.seq = frame["seq"]
                events -= 1
            was_removed |= frame["action"] == "user_removed_from_group"

    def messages(self) -> list[int]:
        return [frame["payload"]["id"] for frame in self.received if frame["action"] == "member_message"]


class Api:
    """Sends requests that are safe to repeat, and repeats each until there is a response."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, method: str, path: str, data: Any = None, *, by: Client, key: str = "") -> httpx.Response:
        headers = {**by.headers, "Idempotency-Key": key} if key else by.headers
        while True:
            try:
                response = await self._client.request(method, f"{by.server.url}{path}", json=data, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code < 500:
                return response


class History:
    """One run of the test: the clients of the room, and the messages that the server acknowledged."""

    def __init__(self, clients: list[Client], *, crashes: Server) -> None:
        self.clients, self.server_that_crashes = clients, crashes
        self.acknowledged: set[int] = set()
        self.half_sent = asyncio.Event()
        self._numbers = iter(range(MESSAGES))

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=CLIENTS)) as client:
            self.api = Api(client)
            await self.make_room()
            async with asyncio.TaskGroup() as self.lines:  # if a listener fails, the group ends the run
                listening = [self.lines.create_task(client.listen()) for client in self.clients]
                writers = [self.write(client) for client in self.clients]
                await asyncio.gather(self.crash(), self.remove_some(), *writers)
                self.head = await self.catch_up()
                for listener in [*listening, self.back]:
                    listener.cancel()

    async def make_room(self) -> None:
        owner = self.clients[0]
        made = await self.api.send("POST", "/api/chat/", {"title": "History"}, by=owner, key="room")
        self.room = made.json()["id"]
        for client in self.clients:
            client.room = self.room
            if client is not owner:
                await self.add(client)

    async def add(self, client: Client) -> None:
        data = {"user": f"person{client.number}@example.com"}
        response = await self.api.send("POST", f"/api/chat/{self.room}/members/", data, by=self.clients[0])
        # 400 means that the first request succeeded, but its response was lost when the server was killed.
        assert response.status_code in (201, 400)

    async def write(self, client: Client) -> None:
        for number in self._numbers:
            if number == MESSAGES // 2:
                self.half_sent.set()
            path, body = f"/api/chat/{self.room}/messages/", {"content": f"Message {number}"}
            send = partial(self.api.send, "POST", path, body, by=client, key=f"message {number}")
            # Sends two identical requests at the same time for every fifth message.
            twins = await asyncio.gather(*[send() for _ in range(1 + (number % 5 == 0))])
            if any(response.status_code == 404 for response in twins):
                return  # this client's user has been removed
            assert {response.status_code for response in twins} == {201}
            self.acknowledged |= {response.json()["id"] for response in twins}

    async def crash(self) -> None:
        await self.half_sent.wait()
        await asyncio.to_thread(self.server_that_crashes.kill)
        await asyncio.to_thread(self.server_that_crashes.start)

    async def remove_some(self) -> None:
        """Removes a fifth of the clients' users, and adds the last removed user again."""
        await self.half_sent.wait()
        self.removed = self.clients[-(CLIENTS // 5) :]
        listed = await self.api.send("GET", f"/api/chat/{self.room}/members/?limit=100", by=self.clients[0])
        members = {member["userId"]: member["id"] for member in listed.json()["results"]}
        for client in self.removed:
            path = f"/api/chat/{self.room}/members/{members[client.pk]}/"
            response = await self.api.send("DELETE", path, by=self.clients[0])
            assert response.status_code in (204, 404)
            try:
                await asyncio.wait_for(client.is_out.wait(), TIMEOUT)
            except TimeoutError:
                raise AssertionError(f"{client.number} is not out: at {client.seq}") from None
        self.returned = self.removed.pop()
        await self.add(self.returned)
        self.returned.is_out.clear()
        self.back = self.lines.create_task(self.returned.listen())

    async def catch_up(self) -> int:
        """Waits until all members have received the last event. Returns its sequence number."""
        listed = await self.api.send("GET", f"/api/chat/{self.room}/messages/", by=self.clients[0])
        head = int(listed.headers["Feed-Seq"])
        for client in self.clients:
            client.line_breaks = False
        async with asyncio.timeout(TIMEOUT):
            while any(client.seq < head for client in self.clients if client not in self.removed):  # noqa: ASYNC110  # numbers of many sockets, without an event
                await asyncio.sleep(0.05)
        stored: list[dict[str, Any]] = []
        path = f"/api/chat/{self.room}/messages/?after=0&limit=100"
        while path:
            page = (await self.api.send("GET", path, by=self.clients[0])).json()
            stored += page["results"]
            path = page["next"].removeprefix(self.clients[0].server.url) if page["next"] else ""
        self.stored = [message["id"] for message in stored]
        self.contents = [message["content"] for message in stored]
        return head


def test_acknowledged_messages_are_received_once_and_in_order_by_members_only(
    servers: list[Server],
) -> None:
    printed = servers[0].manage("shell", "--no-imports", "--command", USERS.format(count=CLIENTS))
    lines = [line.split() for line in printed.splitlines()]
    clients = [
        Client(number, int(pk), access, servers[number % len(servers)]) for number, (pk, access) in enumerate(lines)
    ]
    history = History(clients, crashes=servers[-1])

    asyncio.run(history.run())

    assert set(history.stored) >= history.acknowledged, "what was acknowledged is stored"
    assert len(history.contents) == len(set(history.contents)), "each once, though some were sent twice"
    assert len(history.stored) >= MESSAGES - CLIENTS // 5  # the last message of a removed user may have been refused
    for client in clients:
        seqs = [frame["seq"] for frame in client.received]
        assert seqs == list(range(1, len(seqs) + 1)), "each number once, in order, none left out"
        assert client.after_the_end == [], "nothing after the end"
        if client not in history.removed:
            assert seqs[-1] == history.head
            assert client.messages() == history.stored
    for client in history.removed:
        end = next(frame["seq"] for frame in clients[0].received if is_end_of(client, frame))
        assert client.seq <= end
        assert client.close_codes in ([4403], [4404])  # 4404 if the client was disconnected when it was removed
        assert client.messages() == history.stored[: len(client.messages())]


def is_end_of(client: Client, frame: dict[str, Any]) -> bool:
    return bool(frame["action"] == "member_removed" and frame["payload"]["userPk"] == client.pk)
