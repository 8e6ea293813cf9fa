from typing import Any

from django.core.management.base import BaseCommand

from live import feeds


class Command(BaseCommand):
    help = "Forget feed events older than LIVE_KEEP_DAYS, and all but the newest LIVE_KEEP_EVENTS of each feed."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{feeds.prune()} events forgotten.")
