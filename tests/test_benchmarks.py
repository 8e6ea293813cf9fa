"""The benchmarks run, and report complete results. Times are not checked."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
ENV = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "sandbox_django"), str(ROOT)])}
BENCH = [sys.executable, "-m", "benchmarks", "--quick"]

pytestmark = [pytest.mark.programs, pytest.mark.timeout(400)]  # it takes 40 s, or up to 150 s beside other tests


def test_quick_run_is_complete_and_exact(tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"

    ended = subprocess.run([*BENCH, "--json", str(raw)], cwd=ROOT, env=ENV, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All complete, exact, in order and once." in ended.stdout
    runs = json.loads(raw.read_text())["runs"]
    assert {(run["scenario"], run["side"]) for run in runs} == {
        ("answers", "ours"),
        ("answers", "bare"),
        ("room", "ours"),
        ("room", "bare"),
        ("chat", "ours"),
        ("chat", "bare"),
        ("pages", "ours"),
        ("writers", "ours"),
    }
    assert [run["figures"]["answers complete and exact"] for run in runs if run["scenario"] == "answers"] == [[8], [8]]


def test_workers_write_the_answers_and_are_counted(tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"
    # The run must not use the databases of this test run or of a developer.
    env = ENV | {"DATABASE_URL": "", "REDIS_URL": ""}

    command = [*BENCH, "answers", "--stack", "production", "--workers", "1", "--json", str(raw)]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads(raw.read_text())["runs"][0]["figures"]
    assert figures["answers complete and exact"] == [8]


def test_workers_need_what_they_are_reached_through() -> None:
    ended = subprocess.run([*BENCH, "--workers", "1"], cwd=ROOT, env=ENV, capture_output=True, text=True)

    assert ended.returncode == 2
    assert "--stack production" in ended.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_no_process_behind(how: signal.Signals) -> None:
    process = subprocess.Popen(
        [*BENCH, "answers"], cwd=ROOT, env=ENV, stderr=subprocess.PIPE, text=True, preexec_fn=_receive_interrupts
    )
    assert process.stderr is not None
    assert "run 1 of 1: answers\n" in process.stderr  # now the model runs, and the server is starting
    children: list[psutil.Process] = []
    while len(children) < 2:
        children = psutil.Process(process.pid).children(recursive=True)

    process.send_signal(how)
    process.communicate()

    assert process.returncode != 0
    assert psutil.wait_procs(children, timeout=5)[1] == []


def _receive_interrupts() -> None:
    """Restores the default handling of SIGINT. Shells ignore it in background processes, such as those of a CI."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
