"""A sign-out on one of two servers with PostgreSQL and Redis closes the device's sockets on the other."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.faults.devices import Device, register
from tests.servers import Server

pytestmark = pytest.mark.faults

SOON = 1.0  # seconds within which docs and API promise that sockets close


Listen: TypeAlias = Callable[[Device, Server, str], ClientConnection]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Returns a function that opens a conversation's socket on a server. The sockets are closed when the test ends."""
    with ExitStack() as opened:

        def open_socket(device: Device, server: Server, conversation: str) -> ClientConnection:
            url = f"ws://127.0.0.1:{server.port}/ws/assistants/{conversation}/"
            headers = {"Authorization": f"Bearer {device.access}"}
            socket = opened.enter_context(connect(url, additional_headers=headers))
            assert json.loads(socket.recv(5))["payload"]["statusCode"] == 200
            return socket

        yield open_socket


@pytest.fixture
def user(servers: tuple[Server, Server]) -> str:
    """Registers a new user and returns the user's e-mail."""
    email = f"{uuid.uuid4()}@example.com"
    register(email, servers[0])
    return email


def test_logout_of_a_device_closes_its_sockets_on_the_other_server_and_no_others(
    servers: tuple[Server, Server], user: str, listen: Listen
) -> None:
    one, other = servers
    laptop, phone = Device.of(user, one), Device.of(user, one)
    conversation = phone.post(one, "/api/assistants/conversations/")["id"]
    ended, kept = listen(laptop, other, conversation), listen(phone, other, conversation)

    laptop.post(one, "/api/accounts/logout/")

    assert_closed_soon(ended)
    assert_open(kept)


def test_logout_everywhere_closes_them_all(servers: tuple[Server, Server], user: str, listen: Listen) -> None:
    one, other = servers
    laptop, phone = Device.of(user, one), Device.of(user, other)
    conversation = phone.post(one, "/api/assistants/conversations/")["id"]
    sockets = [listen(device, server, conversation) for device in (laptop, phone) for server in servers]

    laptop.post(one, "/api/accounts/logout/", {"allDevices": True})

    for socket in sockets:
        assert_closed_soon(socket)


def test_switching_a_user_off_from_the_command_line_closes_them_all(
    servers: tuple[Server, Server], user: str, listen: Listen
) -> None:
    one = servers[0]
    laptop = Device.of(user, one)
    conversation = laptop.post(one, "/api/assistants/conversations/")["id"]
    sockets = [listen(laptop, server, conversation) for server in servers]

    one.manage("shell", "--no-imports", "--command", SWITCH_OFF.format(email=user))  # this process runs no server

    for socket in sockets:
        assert_closed_soon(socket)


SWITCH_OFF = """
from accounts.models import User
person = User.objects.get(email="{email}")
person.is_active = False
person.save()
"""


def assert_closed_soon(socket: ClientConnection) -> None:
    """Checks that the socket is closed with the code for a sign-out, within a second and without another frame."""
    started_at = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(10)
    assert time.monotonic() - started_at < SOON
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def assert_open(socket: ClientConnection) -> None:
    socket.send('{"action": "ping"}')
    assert json.loads(socket.recv(5))["action"] == "pong"
