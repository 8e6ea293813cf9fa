"""Measures the application under load, and compares it with a minimal server: `bin/bench --help`."""

import argparse
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.load import Sizes
from benchmarks.report import medians, table
from benchmarks.stack import ROOT, Stack, running, started

FULL = Sizes(
    answers=200,
    tokens=200,
    rate=50,
    spread=4,
    sockets=1000,
    events=20,
    pages=500,
    messages=30,
    writers=(1, 8, 32),
    writes=640,
)
QUICK = Sizes(
    answers=8, tokens=20, rate=50, spread=0.5, sockets=40, events=3, pages=10, messages=3, writers=(1, 4), writes=40
)
SCENARIOS = ("answers", "room", "chat", "pages", "writers")
STACKS = "SQLite and memory, or PostgreSQL and Redis: by DATABASE_URL and REDIS_URL if given, else out of packages"
TIMEOUT = 180.0  # seconds after which a load is given up


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help=f"{', '.join(SCENARIOS)}; none means all")
    parser.add_argument("--stack", choices=["embedded", "production"], default="embedded", help=STACKS)
    parser.add_argument("--transport", choices=["direct", "langchain"], default="direct", help="who asks the model")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that write the answers, instead of the server"
    )
    parser.add_argument("--runs", type=int, default=1, help="medians of so many runs are printed")
    parser.add_argument("--quick", action="store_true", help="small numbers: whether it works, not how fast it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of each run")
    for name in ("answers", "tokens", "sockets", "events", "pages", "messages"):
        parser.add_argument(f"--{name}", type=int, help=f"instead of {getattr(FULL, name)}")
    for name, words in {"rate": "tokens a second", "spread": "seconds over which the questions are asked"}.items():
        parser.add_argument(f"--{name}", type=float, help=f"{words}, instead of {getattr(FULL, name):g}")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(unknown)}")
    if given.workers and given.stack == "embedded":
        parser.error("workers are reached through Redis: --stack production")
    wanted = {name: value for name, value in vars(given).items() if name in Sizes.__slots__ and value is not None}
    sizes = replace(QUICK if given.quick else FULL, **wanted)
    # SystemExit leaves the `with` block, which stops the started processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    runs: list[dict[str, Any]] = []
    try:
        with started(given.stack, given.transport, sizes, workers=given.workers) as stack:
            for number in range(1, given.runs + 1):
                for scenario in given.scenarios or SCENARIOS:
                    print(f"run {number} of {given.runs}: {scenario}", file=sys.stderr)
                    runs += run(stack, scenario, sizes)
    except KeyboardInterrupt:
        sys.exit("Ended, with everything that was started.")
    finally:
        if given.json:
            given.json.write_text(json.dumps({"sizes": asdict(sizes), "runs": runs}, indent=1))

    with_workers = f"workers: {given.workers}, " if given.workers else ""
    print(f"{given.stack}, {given.transport}, {with_workers}medians of {given.runs}")
    for scenario in given.scenarios or SCENARIOS:
        ours, bare = (
            medians([run["figures"] for run in runs if (run["scenario"], run["side"]) == (scenario, side)])
            for side in ("ours", "bare")
        )
        print(table(titles(sizes)[scenario], ours, bare))
    if problems := [f"{r['scenario']} ({r['side']}): {problem}" for r in runs for problem in r["problems"]]:
        print("\nNOT AS PROMISED:", *problems[:20], f"{len(problems)} in all", sep="\n  ")
        sys.exit(1)
    print("\nAll complete, exact, in order and once.")


def titles(sizes: Sizes) -> dict[str, str]:
    return {
        "answers": f"answers: {sizes.answers} at once, {sizes.tokens} tokens each at {sizes.rate:g}/s, "
        f"asked over {sizes.spread:g} s",
        "room": f"room: {sizes.sockets:,} sockets on one feed, {sizes.events} events",
        "chat": f"chat: {sizes.sockets:,} members of one room, {sizes.events} messages",
        "pages": f"pages: {sizes.pages:,} open pages of one room, {sizes.messages} messages, one a second",
        "writers": f"writers: {sizes.writes} facts",
    }


def run(stack: Stack, scenario: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Runs the load once against the application. If the bare server can do the same work, runs the load against it
    next.
    """
    if scenario == "writers":
        return [{"scenario": scenario, "side": "ours", **output(["benchmarks.writers"], stack, sizes)}]
    results = []
    # The bare server has neither rooms nor lists.
    for side in ("ours",) if scenario == "pages" else ("ours", "bare"):
        with stack.server(is_bare=side == "bare") as target:
            result = output(["benchmarks.client", scenario], stack, {"target": asdict(target), "sizes": asdict(sizes)})
        results.append({"scenario": scenario, "side": side, **result})
    return results


def output(module: list[str], stack: Stack, sent: Any) -> Any:
    """Runs a load in its own process and returns the output."""
    command = [sys.executable, "-m", *module, json.dumps(asdict(sent) if isinstance(sent, Sizes) else sent)]
    with running(command, stack.env, subprocess.PIPE) as process:
        output, _ = process.communicate(timeout=TIMEOUT)
        if process.returncode:
            raise SystemExit(f"{' '.join(module)} failed with {process.returncode}.")
    return json.loads(output)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
