from typing import Any

from django.core.management.base import BaseCommand

from assistants.services.answer_writer import end_abandoned_answers
from runtime import jobs


class Command(BaseCommand):
    help = "End answers of dead workers (expired leases) as failed, with their text. Servers do it too."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{jobs.run(end_and_drain)} answers ended.")


async def end_and_drain() -> int:
    ended = await end_abandoned_answers()
    await jobs.drain(5)  # waits until the events are sent
    return ended
