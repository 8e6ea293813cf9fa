"""A browser application on another origin can use REST and sockets with a token and without cookies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.test import Client, override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.servers import Server

APP = "https://app.example"

pytestmark = pytest.mark.programs


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server"), CORS_ALLOWED_ORIGINS=APP, LOG_LEVEL="DEBUG") as running:
        yield running


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    account = post(
        server, "/api/accounts/registration/", {"email": "dana@example.com", "password": "a mossy staircase"}
    )
    return str(account["access"])


def test_a_bad_token_is_refused_with_a_frame_and_4401(server: Server, token: str) -> None:
    for bad in ("x", token[:-2], f"{token}x"):
        with open_socket(server, ["bearer", bad]) as socket:
            frame = json.loads(socket.recv(timeout=30))
            assert (frame["action"], frame["payload"]["statusCode"]) == ("authentication", 401)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=30)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


def test_no_token_opens_nothing(server: Server) -> None:
    for offered in (["bearer"], ["something", "else"], None):
        with open_socket(server, offered) as socket:
            assert json.loads(socket.recv(timeout=30))["payload"]["statusCode"] == 401


def test_a_foreign_origin_is_refused_even_with_a_good_token(server: Server, token: str) -> None:
    with pytest.raises(InvalidStatus), open_socket(server, ["bearer", token], origin="https://evil.example"):
        pass


def test_a_token_as_subprotocol_opens_a_socket(server: Server, token: str) -> None:
    with open_socket(server, ["bearer", token]) as socket:
        frame = json.loads(socket.recv(timeout=30))

        assert (frame["action"], frame["payload"]["statusCode"]) == ("authentication", 200)
        assert socket.subprotocol == "bearer"
        assert socket.response is not None
        assert token not in str(socket.response.headers)


def test_the_token_is_in_no_log(server: Server, token: str) -> None:
    with open_socket(server, ["bearer", token]) as socket:
        socket.recv(timeout=30)
    with open_socket(server, ["bearer", f"{token}x"]) as socket:
        socket.recv(timeout=30)

    log = Path(server.log).read_text()
    assert "/ws/chat/group/" in log
    assert token not in log
    assert token.split(".")[2] not in log


@override_settings(CORS_ALLOWED_ORIGINS=[APP])
def test_requests_with_a_token_and_an_idempotency_key_pass_the_preflight() -> None:
    response = Client().options(
        "/api/chat/",
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )

    allowed = response.headers["Access-Control-Allow-Headers"]
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key"))


def open_socket(server: Server, offered: list[str] | None, *, origin: str = APP) -> ClientConnection:
    address = server.url.replace("http", "ws", 1) + "/ws/chat/group/"
    protocols = [Subprotocol(name) for name in offered] if offered else None
    return connect(address, origin=Origin(origin), subprotocols=protocols, open_timeout=30)


def post(server: Server, path: str, body: dict[str, str]) -> Any:
    url, headers = f"{server.url}{path}", {"Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(body).encode(), headers)) as response:  # noqa: S310  # our own URL
        return json.load(response)
