from typing import Any

from django.core.management.base import BaseCommand

from assistants.services.cleanup import delete_abandoned_conversations


class Command(BaseCommand):
    help = "Delete visitors' conversations without activity for ASSISTANT_ANONYMOUS_DAYS."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{delete_abandoned_conversations()} conversations deleted.")
