"""Runs faults again and again and prints what came of it: `python -m tests.faults.table [--runs 3]`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults import traffic
from tests.faults.model import CUT, HANG
from tests.faults.traffic import Fault, Outcome, Stack, Traffic, running_stack

FAULTS: list[Fault] = [
    traffic.a_worker_is_killed,
    traffic.a_web_process_is_killed,
    traffic.redis_comes_back_empty,
    traffic.redis_is_away_for_5_s,
    traffic.redis_hangs_for_8_s,
    traffic.the_database_drops_its_connections_again_and_again,
    traffic.clients_are_cut_off_again_and_again,
    traffic.workers_are_replaced,
    traffic.web_processes_are_replaced,
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.table", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each fault")
    runs = parser.parse_args().runs
    all_good = True
    with tempfile.TemporaryDirectory(prefix="sandbox-faults-") as directory, running_stack(Path(directory)) as stack:
        tokens = stack.tokens(4)
        say("fault", "runs", "lost", "doubled", "disordered", "stuck", "resyncs", "answers ended")
        for fault in FAULTS:
            all_good &= tell(fault.__name__, [run(stack, tokens, fault) for _ in range(runs)])
        questions = [CUT, HANG, "How much water?", "And rice?"]
        outcomes = [run(stack, (), traffic.nothing, questions) for _ in range(runs)]
        all_good &= tell("the_model_hangs_or_breaks_off", outcomes)
    return 0 if all_good else 1


def run(stack: Stack, tokens: "list[str] | tuple[()]", fault: Fault, questions: list[str] | None = None) -> Outcome:
    asked = Traffic(stack, tokens, questions=questions) if questions else Traffic(stack, tokens)
    return asyncio.run(asked.through(fault))


def tell(name: str, outcomes: list[Outcome]) -> bool:
    counts = [sum(getattr(o, what) for o in outcomes) for what in ("lost", "doubled", "disordered", "stuck", "resyncs")]
    ended = sum((o.ended for o in outcomes), start=type(outcomes[0].ended)())
    say(name.replace("_", " "), len(outcomes), *counts, ", ".join(f"{count} {how}" for how, count in ended.items()))
    for outcome in outcomes:
        for problem in outcome.problems:
            sys.stdout.write(f"    {problem}\n")
    return all(outcome.is_good() for outcome in outcomes)


def say(fault: object, *columns: object) -> None:
    *figures, words = columns
    sys.stdout.write(f"{fault:<38}" + "".join(f"{figure!s:>11}" for figure in figures) + f"  {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
