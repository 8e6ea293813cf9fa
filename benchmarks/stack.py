"""Starts the processes that a benchmark needs on this machine, and stops them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.load import Sizes, Target
from test_utils.databases import SQLITE, migrate, migrated_sqlite, postgresql_database
from test_utils.servers import free_port, redis_server

ROOT = Path(__file__).resolve().parents[1]
ENDING = {signal.SIGINT, signal.SIGTERM}
LINES_SHOWN = 40  # the number of lines of a server's output; without errors there are none
TIMEOUT = 30.0  # seconds for a process to start or to stop
# Started as by bin/dev, but without the request log.
UVICORN = [sys.executable, "-m", "uvicorn", "--ws-max-size", "65536", "--ws-per-message-deflate", "false"]
UVICORN += ["--timeout-graceful-shutdown", "5", "--lifespan", "on", "--log-level", "warning", "--no-access-log"]
OURS = ["--app-dir", "sandbox_django", "config.asgi:application", "--http", "core.http_protocol:BoundedHttpProtocol"]
WORKER = [sys.executable, "-m", "config.worker"]  # as bin/worker starts it
BARE = ["benchmarks.bare:application"]


@dataclass(frozen=True, slots=True)
class Stack:
    """The environment and directory with which servers under test are started."""

    env: Mapping[str, str]
    directory: Path
    workers: int  # number of worker processes; with 0 the server writes the answers

    @contextmanager
    def server(self, *, is_bare: bool) -> Iterator[Target]:
        """Starts a new server process: either the application, with workers if requested, or the bare server."""
        port = free_port()
        command = [*UVICORN, "--port", str(port), *(BARE if is_bare else OURS)]
        with ExitStack() as processes:
            pids = [processes.enter_context(self._running(command, port))]
            for number in range(0 if is_bare else self.workers):
                port_of_worker = free_port()
                pids.append(processes.enter_context(self._running(WORKER, port_of_worker, log=f"worker-{number}.log")))
            yield Target(f"http://127.0.0.1:{port}", pids, "" if is_bare else self.env["REDIS_URL"], is_bare)

    @contextmanager
    def _running(self, command: list[str], port: int, *, log: str = "server.log") -> Iterator[int]:
        """Starts a process that listens on this port, and yields its id. Prints its output when it has ended."""
        with (
            (self.directory / log).open("w+") as lines,
            running(command, {**self.env, "WORKER_PORT": str(port)}, lines) as process,
        ):
            wait_for(port, process, lines)
            try:
                yield process.pid
            finally:
                lines.seek(0)
                for line in [line for line in lines if "LIMITS ARE OFF" not in line][:LINES_SHOWN]:
                    print(f"  {log.removesuffix('.log')} said: {line.rstrip()}", file=sys.stderr)


@contextmanager
def started(stack: str, transport: str, sizes: Sizes, *, workers: int = 0) -> Iterator[Stack]:
    """Starts the databases and the model, and yields the environment for servers."""
    with ExitStack() as stack_of:
        directory = Path(stack_of.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-bench-")))
        data_dir = directory / "data"
        data_dir.mkdir()
        database_url = redis_url = ""
        if stack == "embedded":
            shutil.copy(migrated_sqlite(), data_dir / SQLITE)
        elif database_url := os.environ.get("DATABASE_URL", ""):
            migrate(data_dir, database_url)
        else:
            database_url = stack_of.enter_context(postgresql_database())
        if stack == "production":
            redis_url = os.environ.get("REDIS_URL") or stack_of.enter_context(redis_server())
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "DEBUG": "false",
            "LIMITS": "off",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SANDBOX_DATA_DIR": str(data_dir),
            "OPENAI_API_KEY": "",
            "OPENAI_TRANSPORT": transport,
            "ASSISTANT_RUNNER": "taskiq" if workers else "loop",
            "PYTHONWARNINGS": "ignore:No directory at:UserWarning",  # static files are not collected here
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sandbox_django")]),
        }
        model = [sys.executable, "-m", "test_utils.openai_test_utils", "--stamped"]
        model += ["--tokens", str(sizes.tokens), "--rate", str(sizes.rate)]
        process = stack_of.enter_context(running(model, env, subprocess.PIPE))
        assert process.stdout is not None
        env["OPENAI_BASE_URL"] = process.stdout.readline().strip()
        yield Stack(env, directory, workers)


@contextmanager
def running(command: list[str], env: Mapping[str, str], output: "IO[str] | int") -> Iterator[subprocess.Popen[str]]:
    # The process gets its own session, so that Ctrl-C reaches only this program, which then stops its processes in
    # order. Signals stay blocked until `try` is reached. A signal before that would leave the new process running.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=output,
        stderr=None if output == subprocess.PIPE else output,
        text=True,
        start_new_session=True,
        preexec_fn=let_signals_in,
    )
    try:
        let_signals_in()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def let_signals_in() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def wait_for(port: int, process: "subprocess.Popen[str]", log: IO[str]) -> None:
    give_up_at = time.monotonic() + TIMEOUT
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up_at:
                log.seek(0)
                raise SystemExit(f"The server did not start:\n{log.read()[-4000:]}") from None
            time.sleep(0.05)
