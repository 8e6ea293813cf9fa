from importlib import import_module

from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    name = "assistants"
    verbose_name = "AI assistant"

    def ready(self) -> None:
        for module in ("assistants.figures", "assistants.openapi", "assistants.receivers"):
            import_module(module)
