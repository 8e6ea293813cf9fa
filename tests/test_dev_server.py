"""`bin/dev` on a network is served on every address of the machine, and accepts no published secret."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from config.network import own_addresses, urls
from test_utils.servers import free_port
from tests.servers import is_alive

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[1]
EVERYBODY_KNOWS = "sandbox-demo"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # the test needs all addresses
TIMEOUT = 120.0  # seconds; the server first migrates a new database and creates demo data


@dataclass
class DevServer:
    port: int
    data_dir: Path
    printed: str

    def get(self, path: str, host: str, *, address: str = "127.0.0.1") -> httpx.Response:
        return httpx.get(f"http://{address}:{self.port}{path}", headers={"Host": host}, timeout=20)

    def may_sign_in(self, email: str, password: str) -> bool:
        url = f"http://127.0.0.1:{self.port}/api/accounts/login/"
        return httpx.post(url, json={"email": email, "password": password}, timeout=20).status_code == 200

    def printed_password(self, email: str) -> str:
        found = re.search(rf"{re.escape(email)}  password: (\S+)", self.printed)
        assert found, self.printed
        return found[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    data_dir, port = tmp_path_factory.mktemp("dev"), free_port()
    env = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "SANDBOX_DATA_DIR": str(data_dir), "LIMITS": "off"}
    env |= {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "PYTHONPATH": ""}
    for name in ("DJANGO_SETTINGS_MODULE", "DJANGO_ALLOWED_HOSTS", "DJANGO_SECRET_KEY"):
        env.pop(name, None)
    # An earlier run without HOST has created the demo users.
    for command in (["migrate", "--verbosity=0"], ["seed_demo"]):
        subprocess.run([sys.executable, "sandbox_django/manage.py", *command], cwd=ROOT, env=env, check=True)
    log = data_dir / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bin/dev"],
            cwd=ROOT,
            env=env | {"HOST": EVERY_ADDRESS, "PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    try:
        give_up_at = time.monotonic() + TIMEOUT
        while not is_alive(f"http://127.0.0.1:{port}"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.2)
        yield DevServer(port, data_dir, log.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_published_secrets_do_not_open_it(server: DevServer) -> None:
    for email in ("alice@example.com", "bob@example.com", "admin@example.com"):
        assert not server.may_sign_in(email, EVERYBODY_KNOWS), email
    assert EVERYBODY_KNOWS not in server.printed


def test_other_hosts_are_refused(server: DevServer) -> None:
    for host in ("evil.example", f"evil.example:{server.port}", "203.0.113.9", "testserver"):
        assert server.get("/", host).status_code == 400, host


def test_an_error_shows_no_debug_page(server: DevServer) -> None:
    missing = server.get("/nothing-is-here/", "localhost")

    assert missing.status_code == 404
    assert "DEBUG" not in missing.text


def test_the_secrets_are_its_own_and_only_the_owner_reads_them(server: DevServer) -> None:
    path = server.data_dir / "network.json"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "only-for-development" not in json.loads(path.read_text())["secret_key"]
    assert server.printed_password("alice@example.com") != server.printed_password("admin@example.com")


def test_printed_passwords_open_it(server: DevServer) -> None:
    for email in ("alice@example.com", "admin@example.com"):
        assert server.may_sign_in(email, server.printed_password(email)), email


def test_every_address_and_name_of_the_machine_is_accepted_with_static_files_and_sockets(server: DevServer) -> None:
    addresses = [address for address in own_addresses() if ":" not in address]
    for address in [*addresses, "127.0.0.1"]:
        origin = f"http://{address}:{server.port}"
        page = server.get("/", f"{address}:{server.port}", address=address)
        assert page.status_code == 200, address
        css = re.search(r'href="(/static/[^"]+\.css)"', page.text)
        assert css is not None
        assert server.get(css[1], f"{address}:{server.port}", address=address).status_code == 200
        conversation = httpx.post(f"{origin}/api/assistants/anonymous/", headers={"Origin": origin}, timeout=20)
        assert conversation.status_code == 201
        with connect(
            f"ws://{address}:{server.port}/ws/assistants/{conversation.json()['id']}/", origin=Origin(origin)
        ) as page_socket:
            assert json.loads(page_socket.recv(20))["payload"]["statusCode"] == 200
        if address in addresses:
            assert origin in server.printed
    for name in (socket.gethostname(), f"{socket.gethostname()}.local:{server.port}", "[::1]"):
        assert server.get("/", name).status_code == 200, name


def test_addresses_are_printed_as_a_browser_takes_them() -> None:
    assert urls("::1", "8000") == ["http://[::1]:8000"]
    assert urls("127.0.0.1", "8000") == ["http://127.0.0.1:8000"]
