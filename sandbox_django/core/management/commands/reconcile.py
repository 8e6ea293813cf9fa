import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.denormalized import all_counters


class Command(BaseCommand):
    help = "Compare every counter with the rows it counts, and print the differences; --repair puts them right."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true")

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        found = 0
        for counter in all_counters():
            for difference in list(counter.differences()):
                found += 1
                self.stdout.write(str(difference))
                if repair:
                    difference.repair()
        self.stdout.write(f"{found} differences{', repaired' if found and repair else ''}.")
        if found and not repair:
            sys.exit(1)
