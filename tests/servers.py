"""The real server as a separate process, for tests with a browser and for tests that kill it."""

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

# Independent of a developer's .env: the embedded default, without a key.
ALONE = {
    # development settings that compare responses with the contract
    "DJANGO_SETTINGS_MODULE": "test_utils.server_settings",
    "DEBUG": "false",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "OPENAI_API_KEY": "",
    "OPENAI_BASE_URL": "",
    "OPENAI_TRANSPORT": "direct",
    "LIMITS": "off",
}

# The same arguments as in bin/dev and the image.
UVICORN = [
    *(sys.executable, "-m", "uvicorn", "--app-dir", "sandbox_django", "config.asgi:application"),
    *("--http", "core.http_protocol:BoundedHttpProtocol"),
]
UVICORN += ["--ws-max-size", "65536", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "30"]


class Program:
    """One of our programs, started and stopped by the test. `env` overrides the default environment."""

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
        """Runs a Django command on the same data; returns its output."""
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
        """Stops the program with SIGTERM, as a deploy does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kills the program, as in a crash."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(TIMEOUT)


class Server(Program):
    """uvicorn on a free port, which it keeps when it is restarted.

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
        """Give it a database with empty tables, unless it has one."""
        database = Path(self.env["SANDBOX_DATA_DIR"], SQLITE)
        if not database.exists():
            shutil.copy(migrated_sqlite(), database)

    def is_ready(self) -> bool:
        return is_alive(self.url)


class Worker(Program):
    """A worker, which writes the answers of servers with ASSISTANT_RUNNER=taskiq."""

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
