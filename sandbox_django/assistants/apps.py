from importlib import import_module

from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    name = "assistants"
    verbose_name = "AI assistant"

    def ready(self) -> None:
        import_module("assistants.receivers")
