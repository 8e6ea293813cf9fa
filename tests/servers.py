"""Runs the real server as a separate process, for browser tests and for tests that kill it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from test_utils.databases import SQLITE, migrated_sqlite
from test_utils.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 60.0  # seconds for a server to start; a busy machine needs 20

# Ignores a developer's .env, and uses SQLite and no model key.
ALONE = {
    # These are the development settings, and compare every response with the OpenAPI document.
    "DJANGO_SETTINGS_MODULE": "test_utils.server_settings",
    "DEBUG": "false",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "OPENAI_API_KEY": "",
    "OPENAI_BASE_URL": "",
    "OPENAI_TRANSPORT": "direct",
    "LIMITS": "off",
}

# bin/dev and the image use the same arguments.
UVICORN = [
    *(sys.executable, "-m", "uvicorn", "--app-dir", "sandbox_django", "config.asgi:application"),
    *("--http", "core.http_protocol:BoundedHttpProtocol"),
]
UVICORN += ["--ws-max-size", "65536", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "30"]


class Program:
    """One of the project's programs. The test starts and stops it. `env` overrides the default environment."""

    command: list[str]

    def __init__(self, data_dir: Path, **env: str) -> None:
        self.log = data_dir / f"{type(self).__name__.lower()}.log"
        self.env = {**os.environ, **ALONE, "SANDBOX_DATA_DIR": str(data_dir), **env}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def manage(self, *command: str) -> str:
        """Runs a Django command on the program's data, and returns the command's output."""
        call = [sys.executable, "sandbox_django/manage.py", *command]
        return subprocess.run(call, cwd=ROOT, env=self.env, check=True, stdout=subprocess.PIPE, text=True).stdout

    def start(self) -> None:
        """Starts the program, and waits until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        give_up_at = time.monotonic() + TIMEOUT
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                raise AssertionError(f"It did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        return True

    def stop(self) -> int:
        """Stops the program with SIGTERM, as a deploy does. Returns the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kills the program, as a crash does. Returns the exit code."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(TIMEOUT)


class Server(Program):
    """uvicorn on a free port. A restart uses the same port.

    with Server(tmp_path, OPENAI_BASE_URL=model.url) as server: requests go to server.url
    """

    def __init__(self, data_dir: Path, **env: str) -> None:
        super().__init__(data_dir, **env)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [*UVICORN, "--port", str(self.port)]

    def __enter__(self) -> Self:
        if not self.env["DATABASE_URL"]:
            self.create_sqlite()
        return super().__enter__()

    def create_sqlite(self) -> None:
        """Creates an SQLite file with empty tables, unless the server already has one."""
        database = Path(self.env["SANDBOX_DATA_DIR"], SQLITE)
        if not database.exists():
            shutil.copy(migrated_sqlite(), database)

    def is_ready(self) -> bool:
        return is_alive(self.url)


class Worker(Program):
    """A worker that writes the answers for servers with ASSISTANT_RUNNER=taskiq."""

    command = [sys.executable, "-m", "config.worker"]

    def __init__(self, data_dir: Path, **env: str) -> None:
        port = free_port()
        super().__init__(data_dir, PYTHONPATH=str(ROOT / "sandbox_django"), WORKER_PORT=str(port), **env)
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        return is_alive(self.url)


def is_alive(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1) as response:  # noqa: S310  # our own URL
            return bool(response.status == 200)
    except OSError:
        return False
