"""Runs faults repeatedly and prints the results: `python -m tests.faults.table [--runs 3]`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults import traffic
from tests.faults.model import CUT, HANG
from tests.faults.traffic import AnswerResult, Fault, Stack, Traffic, running_stack

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
        print_row("fault", "runs", "lost", "doubled", "disordered", "stuck", "resyncs", "answers ended")
        for fault in FAULTS:
            all_good &= print_result(fault.__name__, [run(stack, tokens, fault) for _ in range(runs)])
        questions = [CUT, HANG, "How much water?", "And rice?"]
        results = [run(stack, (), traffic.nothing, questions) for _ in range(runs)]
        all_good &= print_result("the_model_hangs_or_breaks_off", results)
    return 0 if all_good else 1


def run(
    stack: Stack, tokens: "list[str] | tuple[()]", fault: Fault, questions: list[str] | None = None
) -> AnswerResult:
    asked = Traffic(stack, tokens, questions=questions) if questions else Traffic(stack, tokens)
    return asyncio.run(asked.through(fault))


def print_result(name: str, results: list[AnswerResult]) -> bool:
    counts = [sum(getattr(o, what) for o in results) for what in ("lost", "doubled", "disordered", "stuck", "resyncs")]
    ended = sum((o.ended for o in results), start=type(results[0].ended)())
    print_row(
        name.replace("_", " "), len(results), *counts, ", ".join(f"{count} {how}" for how, count in ended.items())
    )
    for result in results:
        for problem in result.problems:
            sys.stdout.write(f"    {problem}\n")
    return all(result.is_good() for result in results)


def print_row(fault: object, *columns: object) -> None:
    *figures, words = columns
    sys.stdout.write(f"{fault:<38}" + "".join(f"{figure!s:>11}" for figure in figures) + f"  {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
