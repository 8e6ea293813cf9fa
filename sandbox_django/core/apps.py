from importlib import import_module

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        for module in ("core.checks", "core.request_durations"):
            import_module(module)
