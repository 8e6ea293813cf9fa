"""Two server processes, PostgreSQL and Redis: who is in a room is known on both, and forgotten when a server dies."""

import json
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.faults.devices import Device, register
from tests.servers import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

PRESENCE_EXPIRY = 60.0  # seconds after which nobody is believed to be there whose server has died


def test_who_is_here_is_told_on_the_other_server_until_that_one_dies(servers: tuple[Server, Server]) -> None:
    one, other = servers
    for name in ("alice", "bob"):
        register(f"{name}@example.com", one, name=name.title())
    alice, bob = Device.of("alice@example.com", one), Device.of("bob@example.com", other)
    room = alice.post(one, "/api/chat/", {"title": "Rice"})["id"]
    alice.post(one, f"/api/chat/{room}/members/", {"user": "bob@example.com"})
    with ExitStack() as opened:

        def listen(device: Device, server: Server) -> ClientConnection:
            url = f"ws://127.0.0.1:{server.port}/ws/chat/{room}/"
            return opened.enter_context(connect(url, additional_headers={"Authorization": f"Bearer {device.access}"}))

        page = listen(alice, one)
        assert users_here(page, until=1) == 1

        listen(bob, other)
        assert users_here(page, until=2) == 2

        other.kill()
        try:
            assert users_here(page, until=1) == 1
        finally:
            other.start()


def users_here(page: ClientConnection, *, until: int) -> int:
    """Listen until so many are said to be here."""
    while True:
        frame: dict[str, Any] = json.loads(page.recv(PRESENCE_EXPIRY))
        if frame["action"] == "presence" and frame["payload"]["count"] == until:
            return until
