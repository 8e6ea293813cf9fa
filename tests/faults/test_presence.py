"""Two servers with PostgreSQL and Redis know the users in a room, and drop the users of a server that was killed."""

import json
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.faults.devices import Device, register
from tests.servers import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

PRESENCE_EXPIRY = 60.0  # seconds until the presence of a killed server's users has expired


def test_presence_is_sent_on_the_other_server_until_that_one_dies(servers: tuple[Server, Server]) -> None:
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
    """Receives frames until this number of users is present."""
    while True:
        frame: dict[str, Any] = json.loads(page.recv(PRESENCE_EXPIRY))
        if frame["action"] == "presence" and frame["payload"]["count"] == until:
            return until
